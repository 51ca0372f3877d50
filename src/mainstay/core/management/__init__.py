"""Commands of Django that are done differently here."""
