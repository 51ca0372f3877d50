"""Signals become alerts, alerts belong to incidents."""
