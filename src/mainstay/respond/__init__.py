"""From a signal to a person who has acknowledged it."""
