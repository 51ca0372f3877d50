"""Settings: flag over environment over file over default, and where each value came from."""

from mainstay.core.settings.kinds import Spec
from mainstay.core.settings.load import Loaded, SettingsError, current, load, use
from mainstay.core.settings.spec import SPECS

__all__ = ["SPECS", "Loaded", "SettingsError", "Spec", "current", "load", "use"]
