"""The room as a Django app."""

from django.apps import AppConfig


class TrackersConfig(AppConfig):
    """Registered as ``trackers``."""

    name = "mainstay.learn.trackers"
    label = "trackers"
