"""``mainstay logs patterns`` and ``diff`` on files, as a person runs them."""

import csv
import gzip
import io
import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

TRACE = """2026-01-31 03:04:05,123 ERROR [main] org.example.Shop: order 12 failed
java.lang.IllegalStateException: no stock
\tat org.example.Shop.place(Shop.java:12)
Caused by: java.io.IOException: closed
\t... 3 more
2026-01-31 03:04:06,000 INFO [main] org.example.Shop: order 13 placed
2026-01-31 03:04:07,000 INFO [main] org.example.Shop: order 14 placed
"""


def mainstay(*words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "mainstay", "logs", *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def rows(*words: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(mainstay("patterns", *words, "--csv"))))


def test_every_physical_line_has_its_group_and_a_trace_is_one(tmp_path: Path) -> None:
    file = tmp_path / "shop.log.gz"
    file.write_bytes(gzip.compress(TRACE.encode()))
    found = rows(str(file))
    assert [int(row["line"]) for row in found] == list(range(1, 8))
    assert len({row["group"] for row in found[:5]}) == 1
    assert found[0]["template"] == "order <*> failed"
    assert found[5]["group"] == found[6]["group"]
    assert found[6]["template"] == "order <*> placed"


def test_bare_messages(tmp_path: Path) -> None:
    file = tmp_path / "plain.txt"
    file.write_text("disk 3 is full\n\ndisk 4 is full\n")
    assert [row["template"] for row in rows(str(file), "--plain")] == ["disk <*> is full", "", "disk <*> is full"]


@pytest.mark.parametrize(
    ("data", "templates"),
    [
        (b"", []),
        (b"\n", [""]),
        (b"\x00\xff\xfe bad", ["ÿþ bad"]),
        ("caf\xe9 1\ncaf\xe9 2\n".encode("latin-1"), ["café <*>", "café <*>"]),
        ("ö 1\n".encode("utf-16"), ["ö <*>"]),
        (b"x" * 3_000_000, ["x" * 2000]),
    ],
    ids=["nothing", "blank", "binary", "latin", "utf-16", "one long line"],
)
def test_every_file_is_taken(tmp_path: Path, data: bytes, templates: list[str]) -> None:
    file = tmp_path / "odd.log"
    file.write_bytes(data)
    assert [row["template"] for row in rows(str(file))] == templates


def test_a_file_that_is_not_there_is_an_error_that_names_it(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "mainstay", "logs", "patterns", str(tmp_path / "none.log")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "none.log" in done.stderr


def test_the_difference_of_two_files_begins_with_the_failure(tmp_path: Path) -> None:
    chance = random.Random(3)

    def lines(minute: int, *, failing: bool) -> str:
        made = []
        for second in range(60):
            for _ in range(chance.randrange(2, 5)):
                slow = 2500 if failing else 40
                made.append(
                    f"2026-01-31 03:{minute:02}:{second:02} INFO shop.web: GET /cart/{chance.randrange(999)} in "
                    f"{slow + chance.randrange(9)} ms"
                )
            if failing and second % 4 == 0:
                made.append(
                    f"2026-01-31 03:{minute:02}:{second:02} ERROR shop.pay: provider timeout for order {second}"
                )
        return "\n".join(made) + "\n"

    before, during = tmp_path / "before.log", tmp_path / "during.log"
    before.write_text(lines(1, failing=False))
    during.write_text(lines(2, failing=True))
    found = json.loads(mainstay("diff", str(before), str(during), "--json"))
    kinds = [(one["kind"], one["template"]) for one in found[:2]]
    assert ("new", "provider timeout for order <*>") in kinds
    assert ("moved", "GET <*> in <*> ms") in kinds
