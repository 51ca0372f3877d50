"""The log of an incident: what happened, when, by whom. Entries are added, never changed."""
