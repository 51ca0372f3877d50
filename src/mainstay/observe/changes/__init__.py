"""What was changed: deploys, configuration, data corrections."""
