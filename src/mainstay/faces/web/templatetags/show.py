"""Filters and tags that show times, priorities and states."""

from django import template

register = template.Library()
