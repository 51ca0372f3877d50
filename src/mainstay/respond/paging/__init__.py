"""Telling people, and proof of it."""
