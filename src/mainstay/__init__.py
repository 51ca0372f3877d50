"""Mainstay: the workbench of a production-support team."""

__version__ = "0.1.0"
