"""Rules over log lines: how often, what share, what is new, what fell silent, what is unusual."""
