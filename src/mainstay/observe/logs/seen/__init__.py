"""The patterns that were seen: which, how often and since when, and what people know of each."""
