"""Searching log lines: a query language, its SQL, and what is asked with it."""
