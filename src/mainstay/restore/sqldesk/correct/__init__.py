"""Correcting data: one transaction that proves what it changed, and an undo that never destroys later work."""
