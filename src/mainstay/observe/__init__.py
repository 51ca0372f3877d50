"""Watching: what arrives, and what it means."""
