"""What is looked at after a release of a service, declared step by step."""
