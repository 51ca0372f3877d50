"""Reading log lines."""
