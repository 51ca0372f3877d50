"""Subscribers are told by mail what concerns them, once an address, and again only when the server did not take it."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from mainstay.catalog.models import BusinessProcess, Service
from mainstay.core import clock
from mainstay.core.access import LOCAL, SYSTEM
from mainstay.core.problems import ProblemError
from mainstay.respond.comms import services as comms
from mainstay.respond.comms.models import Notice, Subscriber
from mainstay.respond.paging.tests.test_channels import Sink, sink

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("company")]
__all__ = ["sink"]


def subscriber(key: str, *, services: Sequence[str] = (), processes: Sequence[str] = (), mail: str = "") -> None:
    comms.save(
        LOCAL,
        key,
        name=key.title(),
        mail=mail or f"{key}@x.example",
        timezone="Europe/Berlin" if key == "berlin" else "",
        services=list(Service.objects.filter(key__in=services)),
        processes=list(BusinessProcess.objects.filter(key__in=processes)),
        source="",
    )


def told(*services: str) -> list[str]:
    return [one.key for one in comms.concerned(services, clock.now())[0]]


def test_who_names_a_service_a_process_it_reaches_or_nothing_is_concerned() -> None:
    subscriber("all")
    subscriber("checkout", processes=["checkout"])
    subscriber("lonely", services=["lonely"])
    assert told("pay") == ["all", "checkout"]  # Checkout needs front, which calls pay
    assert told("lonely") == ["all", "lonely"]
    assert comms.concerned(["pay"], clock.now())[1] == ["Checkout"]


def test_one_whose_services_have_left_is_not_told_of_everything() -> None:
    subscriber("lonely", services=["lonely"])
    Service.objects.get(key="lonely").delete()
    assert told("pay") == []


def test_an_address_is_told_once_in_its_own_zone(sink: Sink) -> None:
    subscriber("berlin", mail="b@x.example")
    subscriber("twin", mail="B@x.example")
    subscriber("utc")
    to, _ = comms.concerned(["pay"], clock.now())
    assert comms.tell("MNT-1", to, lambda zone: (f"Work, in {zone}", "At night.")) == 2
    assert comms.send_due() == 2
    assert comms.send_due() == 0
    assert [b"in Europe/Berlin" in mail for mail in sink.mails] == [True, False]
    assert set(comms.notices(SYSTEM, "MNT-1").values_list("state", flat=True)) == {Notice.State.SENT}


@pytest.mark.parametrize(("answer", "state"), [("451 later", "waiting"), ("550 nobody", "failed")])
def test_what_is_not_taken_is_tried_again_or_given_up(sink: Sink, answer: str, state: str) -> None:
    subscriber("utc")
    comms.tell("MNT-1", comms.concerned(["pay"], clock.now())[0], lambda zone: ("Work", zone))
    sink.answer = answer
    comms.send_due()
    notice = Notice.objects.get()
    assert (notice.state, notice.answer, notice.tries) == (state, answer, 1)
    sink.answer = "250 taken"
    with clock.moved(timedelta(minutes=5)):
        comms.send_due()
    notice.refresh_from_db()
    assert notice.state == ("sent" if state == "waiting" else "failed")
    if state == "waiting":
        assert {f"Message-ID: <{notice.key}@localhost>".encode() in mail for mail in sink.mails} == {True}


def test_a_worker_that_died_loses_what_it_held() -> None:
    subscriber("utc")
    comms.tell("MNT-1", comms.concerned(["pay"], clock.now())[0], lambda zone: ("Work", zone))
    Notice.objects.update(state=Notice.State.CLAIMED, lease_until=clock.now() + timedelta(seconds=30))
    assert comms.send_due() == 0
    with clock.moved(timedelta(minutes=1)):
        assert comms.send_due() == 1


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(ProblemError, match="not a mail address"):
        subscriber("bad", mail="nobody")
    assert not Subscriber.objects.exists()
