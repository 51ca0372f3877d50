"""Mainstay for programs that speak the Model Context Protocol: its tools, with the rights of whoever calls."""
