"""What stays quiet for a while, and why: alerts that nobody is paged for until a silence ends."""
