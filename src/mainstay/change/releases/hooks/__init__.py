"""What pipelines say of a release by themselves: one directory and one line below for each kind of sender."""

from collections.abc import Mapping
from types import ModuleType

from mainstay.change.releases.hooks import argocd, github, gitlab, jenkins

KINDS: Mapping[str, ModuleType] = {one.NAME: one for one in (github, gitlab, jenkins, argocd)}
