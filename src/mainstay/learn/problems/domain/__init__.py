"""Decisions about problems. Pure: the time is handed in."""
