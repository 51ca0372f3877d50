"""Kinds of trackers: one module and one line below for each."""

from collections.abc import Mapping

from mainstay.learn.trackers.kinds import github, gitlab, jira
from mainstay.learn.trackers.kinds.shape import Kind

KINDS: Mapping[str, Kind] = {"jira": jira, "github": github, "gitlab": gitlab}
