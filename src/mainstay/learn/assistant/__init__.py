"""A language model may help to read an incident. It looks, quotes what it saw and never acts; off by default."""
