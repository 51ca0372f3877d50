"""The budget of errors of the demo's shop is measured from what the shop reports."""

import pytest

from tests.parts import until
from tests.walk.conftest import Running

pytestmark = [pytest.mark.once, pytest.mark.xdist_group("walk")]


def test_the_budget_of_the_checkout_is_measured(running: Running) -> None:
    def left() -> float | None:
        share: float | None = running.get("objectives/checkout-ok")["budget_left"]
        return share

    assert until("the budget to be measured", lambda: left() is not None, 300)
