"""Drills: something is broken on purpose, with a clock, hints that cost points, and a debrief from the real trail."""
