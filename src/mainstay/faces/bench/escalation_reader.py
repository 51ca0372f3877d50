"""A reader of cases who was not there: it knows the documented layout of the file and nothing else."""

import csv
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from html.parser import HTMLParser

Table = list[dict[str, str]]


@dataclass
class Section:
    """What stands under one heading: texts, what is read letter by letter, and tables as rows by their heads."""

    texts: list[str] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)


class _Page(HTMLParser):
    """Sections by the text of their second-level headings; those below belong to them."""

    def __init__(self) -> None:
        super().__init__()
        self.sections: dict[str, Section] = {"": Section()}
        self.scripts = 0
        self._here = self.sections[""]
        self._text: list[str] | None = None
        self._row: list[str] = []
        self._head: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        self.scripts += tag == "script"
        if tag in {"h1", "h2", "h3", "p", "pre", "th", "td", "figcaption"}:
            self._text = []
        elif tag == "tr":
            self._row = []
        elif tag == "table":
            self._head = []
            self._here.tables.append([])

    def handle_data(self, data: str) -> None:
        if self._text is not None:
            self._text.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "tr":
            if self._row:
                self._here.tables[-1].append(dict(zip(self._head, self._row, strict=True)))
            return
        text = "".join(self._text or [])
        if tag == "h2":
            self._here = self.sections.setdefault(text, Section())
        elif tag in {"p", "h3", "figcaption"}:
            self._here.texts.append(text)
        elif tag == "pre":
            self._here.codes.append(text)
        elif tag == "th":
            self._head.append(text)
        elif tag == "td":
            self._row.append(text)
        if tag in {"h1", "h2", "h3", "p", "pre", "th", "td", "figcaption"}:
            self._text = None


class CaseFile:
    """A case, opened from its bytes alone."""

    def __init__(self, content: bytes) -> None:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            self.files: Mapping[str, bytes] = {name: packed.read(name) for name in packed.namelist()}
        page = _Page()
        page.feed(self.files["index.html"].decode())
        self.sections, self.scripts = page.sections, page.scripts

    def broken(self) -> list[str]:
        """Files that are not what the manifest says."""
        listed = json.loads(self.files["MANIFEST.json"])["files"]
        named = {one["name"]: one["sha256"] for one in listed}
        rest = set(self.files) - {"MANIFEST.json"}
        return sorted(
            one for one in rest | set(named) if named.get(one) != sha256(self.files.get(one, b"")).hexdigest()
        )

    def section(self, name: str) -> Section:
        """What stands under a heading, or nothing."""
        return self.sections.get(name, Section())

    def table(self, name: str, place: int = 0) -> Table:
        """A table under a heading."""
        tables = self.section(name).tables
        return tables[place] if len(tables) > place else []

    def answers(self) -> dict[str, str]:
        """The ten answers, each from the part of the case that is about it."""
        suspects = self.table("Suspects and what speaks against them")
        facts = {row["Fact"]: row["Value"] for row in self.table("Who is hit")}
        processes = self.table("Who is hit", 1)
        changes = self.table("Changes that can have done it, and those cleared")
        grave = [row for row in self.table("Log patterns, the most surprising first") if row["Level"] == "error"]
        queries = self.section("Queries and what they gave").codes
        versions = self.table("Versions and configuration")
        tried = self.table("What was tried, and what is in place")
        proofs = self.table("How to verify a fix")
        first = next((row for row in changes if row["Verdict"] == "suspect"), None)
        cleared = [row for row in changes if row["Verdict"] == "cleared"]
        why = " ".join(self.section("Changes that can have done it, and those cleared").texts)
        against = "; ".join(f"{row['Service']}: {row['Against']}" for row in suspects[1:])
        return {
            "what broke": suspects[0]["Service"] if suspects else "",
            "since when": facts.get("Started", ""),
            "who is hit": "; ".join(f"{row['Process']}: {row['Users']}" for row in processes),
            "which change": f"{first['Change']}: {first['Why']}" if first else why,
            "what was ruled out": against + "; " + "; ".join(f"{row['Change']}: {row['Why']}" for row in cleared),
            "a failing request": "\n".join(row["Example"] for row in grave),
            "see it again": f"{self.window()} {queries[0] if queries else ''}",
            "what runs": "; ".join(f"{row['Service']} {row['Version']}" for row in versions),
            "tried and in place": "; ".join(f"{row['What']}: {row['Outcome']}" for row in tried)
            + " ".join(self.section("What was tried, and what is in place").texts),
            "verify a fix": "; ".join(f"{row['Query']} {row['It is fixed when it']}" for row in proofs),
        }

    def window(self) -> str:
        """From when to when, by the data of the case."""
        problem = json.loads(self.files["case.json"])["problem"]
        return f"{problem['start']} {problem['end']}"

    def rows(self, name: str) -> Table:
        """The rows of a CSV file."""
        return list(csv.DictReader(io.StringIO(self.files[name].decode())))
