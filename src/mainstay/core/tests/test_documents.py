"""Documents as pages: whatever their words are, they stay words."""

from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainstay.core.documents import Block, Code, Heading, Table, Text, html

pytestmark = pytest.mark.once
AT = datetime(2026, 3, 1, tzinfo=UTC)
BLOCKS = (
    st.builds(Heading, st.text(), st.integers(1, 3))
    | st.builds(Text, st.text())
    | st.builds(Code, st.text())
    | st.builds(lambda cells: Table(("A", "B"), cells), st.lists(st.tuples(st.text(), st.text()), max_size=3))
)


class Reader(HTMLParser):
    """Collects tags and the attributes that could run or fetch something."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.words = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        assert not [name for name, _ in attrs if name.startswith("on") or name in {"src", "href"}]

    def handle_data(self, data: str) -> None:
        self.words += data


@given(st.lists(BLOCKS, max_size=6))
def test_a_page_runs_and_fetches_nothing_whatever_its_words(blocks: list[Block]) -> None:
    page = html([Heading("<script>alert(1)</script>", 1), *blocks], AT)
    reader = Reader()
    reader.feed(page)
    known = {"html", "head", "meta", "title", "style", "body", "main", "footer", "h1", "h2", "h3", "p", "pre"}
    assert reader.tags <= known | {"div", "table", "thead", "tbody", "tr", "th", "td"}
    assert "<script>alert(1)</script>" in reader.words
    assert "://" not in page.partition("<body>")[0]
    assert "\u202e" not in page
