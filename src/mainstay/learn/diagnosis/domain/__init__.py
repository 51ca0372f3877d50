"""Who is to blame for a disturbance: ranked services and changes with their evidence. Pure."""

from mainstay.learn.diagnosis.domain.case import Alert, Case, Change, Window
from mainstay.learn.diagnosis.domain.decide import Candidate, Diagnosis, diagnose
from mainstay.learn.diagnosis.domain.symptoms import Group, Sign

__all__ = ["Alert", "Candidate", "Case", "Change", "Diagnosis", "Group", "Sign", "Window", "diagnose"]
