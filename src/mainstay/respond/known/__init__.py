"""Known errors beside the hot path: by log lines, by likeness, from an incident, and those that want a look."""
