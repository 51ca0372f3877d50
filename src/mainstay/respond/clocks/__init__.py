"""The clocks of incidents: what is agreed on acknowledging and restoring, what is left of it, and why."""
