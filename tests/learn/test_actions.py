"""Actions of a problem: reminded in the morning, tracked to done, in step with the tracker of the developers."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from mainstay.core import clock, secrets
from mainstay.core.access import LOCAL, AccessError, Actor, Right
from mainstay.core.models import FeedItem, Person
from mainstay.core.problems import ProblemError
from mainstay.learn.problems import actions, services
from mainstay.learn.problems.actions import Wanted
from mainstay.learn.problems.domain.actions import Rhythm, State, heard, reminders
from mainstay.learn.problems.loop import Problems
from mainstay.learn.problems.models import Action, Problem
from mainstay.respond.comms.models import Notice
from mainstay.respond.paging.models import Attempt
from tests.learn import fake_tracker
from tests.learn.test_trackers import configure, post, posted, rounds

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
def problem(company: None, db: None) -> Iterator[Problem]:
    with clock.held(), clock.moved(timedelta()):
        yield services.create(LOCAL, services.Wanted("Payments time out", cause="The timeout is too short."))


def make(problem: Problem, days: int = 10, owner: str = "ana@x.example") -> Action:
    # A day is one of its owner's, which begins before that of UTC.
    due = (clock.now().astimezone(BERLIN) + timedelta(days=days)).date()
    return actions.create(LOCAL, problem.pk, Wanted("Raise the timeout", "prevent", owner, due))


def test_an_action_names_what_is_wrong_with_it(problem: Problem) -> None:
    due = date(2026, 3, 1)
    for wanted, field in (
        (Wanted(" ", "prevent", "ana@x.example", due), "title"),
        (Wanted("x", "hope", "ana@x.example", due), "kind"),
        (Wanted("x", "prevent", "nobody@x.example", due), "owner"),
    ):
        with pytest.raises(ProblemError) as caught:
            actions.create(LOCAL, problem.pk, wanted)
        assert caught.value.field == field
    with pytest.raises(AccessError):
        actions.create(Actor("vic", Right.READ), problem.pk, Wanted("x", "prevent", "ana@x.example", due))


def test_the_owner_is_reminded_before_and_after_and_never_paged(problem: Problem) -> None:
    one, worker = make(problem, days=10), Problems()
    for _ in range(40 * 24):
        clock.advance(timedelta(hours=1))
        actions.remind_due()
    told = list(Notice.objects.filter(about=str(one)).order_by("pk"))
    assert [notice.created_at.astimezone(BERLIN).hour for notice in told] == [9] * len(told)
    days = [(notice.created_at.astimezone(BERLIN).date() - one.due).days for notice in told]
    assert days == [-3, 0, 7, 14, 21, 28]
    assert told[0].address == "ana@x.example"
    assert "is due on" in told[0].subject
    assert "overdue for 28 days" in told[-1].subject
    assert f"/problems/{problem.pk}#h-actions" in told[0].text
    assert not Attempt.objects.exists()
    assert FeedItem.objects.filter(topic="page", ref="action").count() == len(told)
    assert actions.late(one) == 30
    actions.done(LOCAL, one.pk, "https://git.example/commit/1")
    clock.advance(timedelta(days=30))
    worker.run_due()
    assert Notice.objects.filter(about=str(one)).count() == len(told)


def test_it_is_tracked_to_its_end_with_evidence(problem: Problem) -> None:
    one = make(problem)
    with pytest.raises(ProblemError, match="can be seen"):
        actions.done(LOCAL, one.pk, "")
    actions.done(LOCAL, one.pk, "Seen in the configuration of Monday.")
    with pytest.raises(ProblemError, match="is done"):
        actions.drop(LOCAL, one.pk, "No.")
    actions.reopen(LOCAL, one.pk, "It was rolled back.")
    ben = actions.change(LOCAL, one.pk, "ben@x.example", date(2030, 1, 1))
    assert (str(ben.owner), ben.due) == (str(Person.objects.get(name="Ben")), date(2030, 1, 1))
    actions.drop(LOCAL, one.pk, "The provider answers faster now.")
    log = "\n".join(str(line) for line in problem.notes.all())
    assert "Seen in the configuration of Monday." in log
    assert "It was rolled back." in log


def test_it_is_kept_in_step_with_an_issue_both_ways(problem: Problem, client: Client) -> None:
    secrets.put("tracker-token", fake_tracker.TOKEN)
    secrets.put("tracker-hook", "hook-secret")
    with fake_tracker.running(fake_tracker.github) as there:
        configure(
            f"{{key: devs, kind: github, address: '{there.address}', project: acme/shop, secret: tracker-token, "
            "hook_secret: tracker-hook}"
        )
        one, worker = make(problem), Problems()
        actions.track(LOCAL, one.pk)
        actions.comment(LOCAL, one.pk, "The provider says 2 s.")
        rounds()
        assert "The timeout is too short." in there.issue(1).body
        assert "The provider says 2 s." in there.issue(1).comments[0]
        there.issue(1).status, there.issue(1).why, there.issue(1).changed = "closed", "completed", there.tick()
        assert post(client, *posted("github", there)).status_code == 200
        assert post(client, *posted("github", there, "Merged.")).status_code == 200
        worker.run_due()
        one.refresh_from_db()
        assert one.state == Action.State.DONE
        assert "issues/1" in one.said
        assert "Merged." in "\n".join(str(line) for line in problem.notes.all())
        # It was their news: nothing is told back.
        assert len(there.issue(1).comments) == 1
        actions.reopen(LOCAL, one.pk, "It is not in production.")
        rounds()
        assert (there.issue(1).status, len(there.issue(1).comments)) == ("open", 2)
        actions.done(LOCAL, one.pk, "Deployed with 4.2.")
        rounds()
        worker.run_due()
        assert there.issue(1).status == "closed"
        one.refresh_from_db()
        assert (one.state, one.said) == (Action.State.DONE, "Deployed with 4.2.")


def test_the_screen_makes_and_ends_one(problem: Problem, client: Client) -> None:
    client.force_login(Person.objects.get(name="Ana"))
    host = {"host": "localhost"}
    form = {"title": "Watch the timeout", "kind": "detect", "owner": "ben@x.example", "due": "2020-01-31"}
    bad = client.post(f"/problems/{problem.pk}/actions", {**form, "due": "soon"}, headers=host)
    assert bad.status_code == 400
    assert "Watch the timeout" in bad.content.decode()
    assert client.post(f"/problems/{problem.pk}/actions", form, headers=host).status_code == 302
    listed = client.get("/actions", headers=host).content.decode()
    assert "Watch the timeout" in listed
    assert "Overdue" in listed
    one = Action.objects.get()
    assert client.post(f"/actions/{one.pk}/done", {"text": "A rule."}, headers=host).status_code == 302
    assert "A rule." in client.get("/actions?over=1", headers=host).content.decode()
    assert client.post(f"/actions/{one.pk}/explode", headers=host).status_code == 404


@pytest.mark.once
@given(
    st.dates(date(2025, 1, 1), date(2027, 1, 1)),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata", "UTC"]),
    st.integers(0, 10),
    st.integers(1, 30),
)
def test_reminders_come_in_the_morning_in_order(due: date, zone: str, before: int, after: int) -> None:
    found = reminders(due, Rhythm(before, after), ZoneInfo(zone), datetime(2020, 1, 1, tzinfo=UTC))
    assert found == sorted(found)
    assert all(one.astimezone(ZoneInfo(zone)).hour == 9 for one in found)
    assert due in [one.astimezone(ZoneInfo(zone)).date() for one in found]


@pytest.mark.once
@pytest.mark.parametrize(
    ("before", "theirs", "after"),
    [
        (State.OPEN, "done", State.DONE),
        (State.OPEN, "working", State.OPEN),
        (State.OPEN, "refused", State.OPEN),
        (State.DONE, "open", State.OPEN),
        (State.DONE, "done", State.DONE),
        (State.DROPPED, "open", State.DROPPED),
    ],
)
def test_what_a_tracker_makes_of_an_action(before: State, theirs: str, after: State) -> None:
    found = heard(before, theirs, "devs 1")
    assert found.after is after
    assert "devs 1" in found.reason
