"""Metrics made of log lines: how many match, and the numbers in them, as counters."""
