"""Changing production on purpose: releases, maintenance, configuration."""
