"""Threshold rules: what a breach means over time, how its text is written, and files of Prometheus."""
