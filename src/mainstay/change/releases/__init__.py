"""Releases: a record of each, and whether it did harm."""
