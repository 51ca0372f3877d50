"""Runs in the worker: steps begin after they are written down, stream what they say, and end with a known outcome."""
