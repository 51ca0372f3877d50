"""What is broken, how bad, who has it, and all that happened."""
