"""Issues in other people's trackers: made once, spoken to and heard from."""
