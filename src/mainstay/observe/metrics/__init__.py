"""Scrape targets and rules on metrics."""
