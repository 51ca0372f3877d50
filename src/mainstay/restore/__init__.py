"""Restoring service: examining and correcting data, running known fixes."""
