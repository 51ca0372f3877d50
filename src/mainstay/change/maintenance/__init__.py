"""Planned work on production: announced, kept quiet while it goes on, noticed when it is late or does not end."""
