"""Configuration as code: files in, the difference shown, the rooms brought in line, and the same files out again."""
