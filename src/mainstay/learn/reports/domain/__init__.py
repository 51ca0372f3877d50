"""Figures of a time and what they mean. Pure: rows and times are handed in."""
