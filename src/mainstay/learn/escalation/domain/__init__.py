"""Decisions on cases for developers. Pure: the time is handed in, and nothing is read or written."""
