"""What comes again, what is behind it, and what is done so that it does not."""
