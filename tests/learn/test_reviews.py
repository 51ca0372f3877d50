"""Reviews of problems: drafted from the trail, edited with nothing lost, signed by a second person, given away."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from django.test import Client
from hypothesis import example, given
from hypothesis import strategies as st

from mainstay.core import access, clock, documents
from mainstay.core.access import LOCAL, AccessError, Actor, Right
from mainstay.core.drawing import Picture, svg
from mainstay.core.models import Person
from mainstay.core.problems import ProblemError
from mainstay.core.prose import blocks_of
from mainstay.faces.api.problem_reviews import as_file
from mainstay.learn.problems import reviews, services
from mainstay.learn.problems.domain import review as writing
from mainstay.learn.problems.domain import tree, wording
from mainstay.learn.problems.domain.costs import Cost
from mainstay.learn.problems.domain.review import Run, Story
from mainstay.learn.problems.domain.tree import Node, TreeError
from mainstay.learn.problems.loop import Problems
from mainstay.learn.problems.models import Problem
from mainstay.learn.problems.services import Wanted
from tests.learn.test_problems import happen

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def problem(company: None, db: None) -> Iterator[Problem]:
    with clock.moved(timedelta()):
        rows = [happen(Problems()).pk, happen(Problems()).pk]
        yield services.create(
            LOCAL, Wanted("Payments time out", rows, cause="The timeout is shorter than the provider's.")
        )


def who(name: str) -> Actor:
    return access.of_person(Person.objects.get(name=name))


def test_a_draft_tells_the_trail(problem: Problem) -> None:
    row = reviews.draft(LOCAL, problem.pk)
    said = row.sections
    assert list(said) == list(writing.SECTIONS)
    assert said["summary"].startswith("Payments time out happened 2 times since ")
    assert "Checkout (400 customers): 60 minutes" in said["impact"]
    assert "EUR 1,000.00" in said["impact"]
    assert "UTC: Restored: every alert has ended" in said["timeline"]
    assert "Acknowledged by" not in said["timeline"]
    assert "monitoring noticed it 0 minutes after it began" in said["well"]
    assert "not answered" in said["wrong"]
    assert [node.text for node in tree.read(row.tree)] == ["Payments time out", problem.cause]
    assert reviews.whys(row) == ["Payments time out", problem.cause]
    assert reviews.draft(LOCAL, problem.pk).pk == row.pk


def test_an_edit_of_another_version_is_refused_and_nothing_is_lost(problem: Problem, client: Client, db: None) -> None:
    row = reviews.draft(LOCAL, problem.pk)
    client.force_login(Person.objects.get(name="Ana"))
    reviews.save(who("Ben"), problem.pk, row.version, {"lessons": "Ben was first."}, row.tree)
    path = f"/problems/{problem.pk}/review"
    form = {**row.sections, "lessons": "Ana was second.", "tree": row.tree, "version": row.version}
    answer = client.post(path, form, headers={"host": "localhost"})
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "Ben kept version 2 meanwhile" in page
    assert "Ana was second." in page
    assert "Ben was first." in page
    # Kept once more, knowing both.
    assert client.post(path, {**form, "version": 2}, headers={"host": "localhost"}).status_code == 302
    found = reviews.get(LOCAL, problem.pk)
    assert (found.version, found.sections["lessons"]) == (3, "Ana was second.")
    assert [one.sections["lessons"] for one in found.versions.all()] == ["Ana was second.", "Ben was first.", ""]
    bad = client.post(path, {**form, "version": 3, "tree": "because: x"}, headers={"host": "localhost"})
    assert bad.status_code == 400
    assert "because: x" in bad.content.decode()


def test_it_is_signed_by_somebody_who_wrote_none_of_it(problem: Problem) -> None:
    ana, ben = who("Ana"), who("Ben")
    row = reviews.draft(ben, problem.pk)
    reviews.request(ben, problem.pk)
    seen = reviews.hash_of(row)
    with pytest.raises(ProblemError, match="another person has to approve"):
        reviews.sign(ben, problem.pk, seen)
    with pytest.raises(ProblemError, match="signed in"):
        reviews.sign(LOCAL, problem.pk, seen)
    with pytest.raises(ProblemError, match="not what you saw"):
        reviews.sign(ana, problem.pk, "0" * 64)
    with pytest.raises(ProblemError, match="write what is missing"):
        reviews.send_back(ana, problem.pk, "")
    reviews.send_back(ana, problem.pk, "The impact is missing.")
    reviews.request(ben, problem.pk)
    signed = reviews.sign(ana, problem.pk, seen)
    assert (signed.state, signed.signed_name, signed.signed_hash) == (
        "approved",
        str(Person.objects.get(name="Ana")),
        seen,
    )
    # Who edits what was signed takes the signature off it.
    after = reviews.save(ana, problem.pk, 1, {"lessons": "More."}, row.tree)
    assert (after.state, after.signed_hash) == ("draft", "")
    reviews.request(ben, problem.pk)
    with pytest.raises(ProblemError, match="You wrote"):
        reviews.sign(ana, problem.pk, reviews.hash_of(after))


def test_it_is_given_away_whole(problem: Problem) -> None:
    row = reviews.draft(LOCAL, problem.pk)
    reviews.save(LOCAL, problem.pk, 1, {"lessons": "- <script>alert(1)</script>\n- two"}, row.tree)
    page = as_file(LOCAL, problem.pk, "html").decode()
    assert "<svg role=" in page
    assert "<desc>" in page
    assert "<script>" not in page
    assert "Content-Security-Policy" in page
    assert as_file(LOCAL, problem.pk, "pdf").startswith(b"%PDF-")
    text = as_file(LOCAL, problem.pk, "md").decode()
    assert "## What went well" in text
    assert "cause: Payments time out" in text
    with pytest.raises(ProblemError, match="write one of"):
        as_file(LOCAL, problem.pk, "docx")
    with pytest.raises(AccessError):
        reviews.get(Actor("vic", Right.READ), problem.pk)


def story(**more: object) -> Story:
    base = {
        "acknowledged": NOW + timedelta(minutes=4),
        "restored": NOW + timedelta(minutes=30),
        "lines": (),
        "cost": Cost(),
    }
    return Story("INC-1", "t", "/i/1", NOW, NOW, **{**base, **more})  # type: ignore[arg-type]


@pytest.mark.once
@pytest.mark.parametrize(
    ("more", "kind", "says"),
    [
        ({}, "well", "it was taken 4 minutes after"),
        ({"acknowledged": NOW + timedelta(hours=1)}, "wrong", "it was taken 60 minutes after"),
        ({"acknowledged": None}, "luck", "ended by itself"),
        ({"acknowledged": None, "restored": None, "pages": [(NOW, None)]}, "wrong", "nobody answered 1 page"),
        ({"processes": [{"name": "x", "open_now": False}]}, "luck", "no process that it hit was open"),
        (
            {"runs": [Run("Restart", NOW, False), Run("Roll back", NOW, True)]},
            "wrong",
            "Restart was tried first and failed",
        ),
        ({"runs": [Run("Roll back", NOW, True)]}, "well", "Roll back went through"),
        ({"late": ["restore was missed"]}, "wrong", "restore was missed"),
        ({"confirmed": "pay", "blamed_first": "pay"}, "well", "named pay first"),
        ({"confirmed": "pay", "blamed_first": "db"}, "wrong", "named db first, and it was pay"),
        ({"workaround_failed": True}, "wrong", "did not help"),
    ],
)
def test_what_went_well_or_wrong_is_a_fact(more: dict[str, object], kind: str, says: str) -> None:
    assert any(found == kind and says in text for found, text in writing.notes(story(**more)))


@pytest.mark.once
@pytest.mark.parametrize(
    ("text", "blames"),
    [
        ("Ana forgot to renew the certificate.", True),
        ("The DBA should have checked the plan.", True),
        ("It was human error.", True),
        ("The certificate was not renewed: nothing told that it would end.", False),
        ("Ana restarted the service.", False),
        ("The pool broke under load.", False),
    ],
)
def test_words_that_blame_are_hinted_at(text: str, blames: bool) -> None:
    assert bool(wording.hints(text, ["Ana Berg"])) is blames


NODES = st.lists(
    st.tuples(
        st.integers(0, 4),
        st.sampled_from(tree.KINDS),
        st.text("abc äß<&.:", min_size=1, max_size=80).map(str.strip).filter(bool),
        st.sampled_from(["", "/i/5", "https://x.example/a"]),
    ),
    max_size=12,
)


@pytest.mark.once
@given(NODES)
def test_a_tree_is_read_as_it_was_written_and_can_be_drawn(parts: list[tuple[int, str, str, str]]) -> None:
    nodes: list[Node] = []
    for depth, kind, text, evidence in parts:
        nodes.append(Node(min(depth, nodes[-1].depth + 1 if nodes else 0), kind, text, evidence))
    assert tree.read(tree.outline(nodes)) == nodes
    drawing = tree.draw(nodes)
    tops = [(box.top, box.top + box.height) for box in drawing.boxes]
    assert all(one[1] < other[0] for one, other in pairwise(tops))
    picture = svg(Picture(drawing, "Tree", tree.outline(nodes)))
    assert "<&" not in picture


@pytest.mark.once
@pytest.mark.parametrize("text", ["why: x", "  cause: too deep", "cause: a\n cause: odd", "cause:"])
def test_an_outline_that_cannot_be_read_says_where(text: str) -> None:
    with pytest.raises(TreeError, match="line "):
        tree.read(text)


@pytest.mark.once
@given(st.text(max_size=300))
@example("<script>alert(1)</script>")
@example("# <img src=x>\n\n[a](javascript:alert(1))")
def test_any_markdown_becomes_a_document(text: str) -> None:
    found = blocks_of(text)
    # Nothing that somebody wrote becomes an element of the page.
    html = documents.html(found, NOW)
    assert not any(one in html for one in ("<script", "<img", 'href="javascript'))
    # What is to be read letter by letter is.
    assert all(one.text in documents.markdown(found) for one in found if isinstance(one, documents.Code))


@pytest.mark.once
def test_markdown_becomes_blocks() -> None:
    found = blocks_of(
        "# A\n\nSee [it](https://x.example).\n\n- one\n\n1. two\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n\n```\nx\n```\n"
    )
    assert [type(one).__name__ for one in found] == ["Heading", "Text", "Text", "Text", "Table", "Code"]
    assert found[1] == documents.Text("See it (https://x.example).")
    assert found[2] == documents.Text("• one")
    assert found[4] == documents.Table(["a", "b"], [["1", "2"]])


def test_who_may_not_respond_sees_no_review(problem: Problem, client: Client) -> None:
    reviews.draft(LOCAL, problem.pk)
    client.force_login(Person.objects.get(name="Vic"))
    assert client.get(f"/problems/{problem.pk}/review", headers={"host": "localhost"}).status_code == 403
    assert client.get(f"/problems/{problem.pk}", headers={"host": "localhost"}).status_code == 200
