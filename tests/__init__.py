"""Tests of the whole: processes, protocols, browsers."""
