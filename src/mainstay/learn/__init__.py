"""What comes after: the cause, the case for the developers, and what the team learns."""
