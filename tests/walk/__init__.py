"""The walk of the README, in a real browser."""
