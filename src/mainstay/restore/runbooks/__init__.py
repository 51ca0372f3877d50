"""Runbooks: written steps that a person can follow by hand, and that the worker can carry out under guard."""
