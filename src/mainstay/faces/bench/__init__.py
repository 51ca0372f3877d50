"""Measurements that Mainstay makes of itself: real processes, real deliveries, figures with their command."""
