"""Decisions of the SQL desk: pure functions, the time handed in, a reason handed back."""
