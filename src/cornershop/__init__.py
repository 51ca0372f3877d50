"""Cornershop: a small real shop of separate processes, made to be watched and to be broken on purpose."""

__version__ = "4.1.7"
