"""Mainstay: the workbench of a production-support team."""
