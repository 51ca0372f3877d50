"""A pytest plugin that is loaded first: every run gets a data directory of its own before Django reads its settings."""

import atexit
import os
import shutil
import tempfile

_data = tempfile.mkdtemp(prefix="mainstay-test-")
atexit.register(shutil.rmtree, _data, ignore_errors=True)
os.environ["MAINSTAY_DATA"] = _data
os.environ["DJANGO_SETTINGS_MODULE"] = "mainstay.core.django_settings"
os.environ["MAINSTAY_OUTGOING_PRIVATE"] = "127.0.0.1"
for _name in ("MAINSTAY_CONFIG", "MAINSTAY_BASE_URL", "MAINSTAY_LISTEN", "MAINSTAY_SMTP_HOST"):
    os.environ.pop(_name, None)

import logging  # noqa: E402 - after the environment
import sys  # noqa: E402

import pytest  # noqa: E402
from hypothesis import settings as _settings  # noqa: E402

# An example may take long on a machine that does other work; that is no failure. The suite says the same of the same
# code each time; who wants new examples asks for them by `--hypothesis-profile=search`.
_settings.register_profile("mainstay", deadline=None, derandomize=True)
_settings.register_profile("search", deadline=None, max_examples=2000, print_blob=True)
_settings.load_profile("mainstay")

# The receiver of test mails tells of each command from a thread of its own, also when pytest has closed its streams.
logging.getLogger("mail.log").setLevel(logging.WARNING)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Hold the runner to its groups: what shares an installation must not start one in every worker."""
    if getattr(config.option, "loadgroup", False):
        loose = [item.nodeid for item in items if item.get_closest_marker("xdist_group") and "@" not in item.nodeid]
        assert not loose, f"pytest-xdist does not see the group of {loose[0]}"


@pytest.fixture(autouse=True)
def _patterns_of_this_test() -> None:
    """A process remembers patterns and formats of log lines that were written down; a test's database forgets them."""
    registry = sys.modules.get("mainstay.observe.logs.registry")
    if registry is not None:
        registry.forget()
    formats = sys.modules.get("mainstay.observe.logs.formats.services")
    if formats is not None:
        formats.active.forget()
