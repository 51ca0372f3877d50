"""What exists is documented, what is documented exists, and examples work."""

import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import typer.main
from django.urls import URLPattern, URLResolver, get_resolver
from pydantic import BaseModel

from mainstay.config import read, schema
from mainstay.core.settings import SPECS
from mainstay.faces.cli import setup
from mainstay.faces.cli.main import app
from mainstay.observe.intake import protocols
from tests.docs import settings_table

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference"
PAGES = sorted([*DOCS.rglob("*.md"), *ROOT.glob("*.md")])
SOURCES = sorted(path for path in (ROOT / "src").rglob("*") if path.suffix in {".py", ".yaml", ".html", ".md"})
# Folders whose files may be missing: pictures are taken from the finished screens.
MAY_BE_MISSING: tuple[str, ...] = ()
# Words of one machine. What is written for everybody must not name them.
MACHINE_WORDS = ("/root/", "pypi.org", "npmjs.org")
CONFIGURATION_MARK = "# configuration\n"
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_CONVERTER = re.compile(r"<(?:\w+:)?(\w+)>")


def text_of(page: str) -> str:
    return (REFERENCE / page).read_text(encoding="utf-8")


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command that can be run, by its words."""
    below = getattr(command, "commands", None)
    if below is None:
        yield path, command
    for name, one in (below or {}).items():
        yield from commands(one, (*path, name))


ALL_COMMANDS: Mapping[tuple[str, ...], Any] = dict(commands(typer.main.get_command(app)))


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def fences(path: Path) -> list[tuple[str, str]]:
    """(language, text) of the fenced blocks of a page."""
    return _FENCE.findall(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("words", sorted(ALL_COMMANDS), ids=" ".join)
def test_every_command_and_option_is_documented(words: tuple[str, ...]) -> None:
    page, whole = text_of("cli.md"), "mainstay " + " ".join(words)
    rows = [line for line in page.splitlines() if re.match(rf"\| `{re.escape(whole)}[ `]", line)]
    assert rows, f"docs/reference/cli.md has no row that begins with `{whole}`"
    for option in ALL_COMMANDS[words].params:
        for name in option.opts:
            if name.startswith("--") and name != "--help":
                assert name in rows[0], f"the row of `{whole}` does not name {name}"


def test_every_exit_code_is_documented() -> None:
    from mainstay.faces.cli import output

    codes = {value for name, value in vars(output).items() if name.isupper() and isinstance(value, int)}
    for code in codes:
        assert f"\n| {code} |" in text_of("cli.md")


def test_the_table_of_settings_is_what_the_code_says() -> None:
    page = text_of("settings.md")
    for spec in SPECS:
        row = f"| `{spec.name}` | `{spec.env}` | {settings_table.shown(spec.default)} |"
        assert row in page, f"run: python -m tests.docs.settings_table ({row} is missing)"
    assert settings_table.table() in page, "run: python -m tests.docs.settings_table"


def routes(patterns: Any, before: str = "/") -> Iterator[str]:
    """The address of every view, with ``{name}`` for what varies."""
    for one in patterns:
        here = before + str(one.pattern)
        if isinstance(one, URLResolver):
            yield from routes(one.url_patterns, here)
        elif isinstance(one, URLPattern):
            yield _CONVERTER.sub(r"{\1}", here)


EACH_ROUTE = tuple(routes(get_resolver("mainstay.faces.urls").url_patterns))
ALL_ROUTES = sorted(set(EACH_ROUTE))


def test_no_address_is_given_twice() -> None:
    assert [one for one in ALL_ROUTES if EACH_ROUTE.count(one) > 1] == []


@pytest.mark.parametrize("route", ALL_ROUTES)
def test_every_route_is_documented(route: str) -> None:
    api = text_of("api.md")
    if route.startswith("/api/") or route == "/healthz":
        assert re.search(rf"`(?:GET|POST) {re.escape(route)}[`?]", api), f"docs/reference/api.md does not name {route}"
    else:
        # The page may name what varies as it likes: /i/{number}, /i/<number>, /i/123.
        varying = re.sub(r"\\\{\w+\\\}", r"[^/`\\s]+", re.escape(route))
        assert re.search(rf"(?<![\w/]){varying}(?![\w/])", text_of("screens.md")), (
            f"docs/reference/screens.md does not name {route}"
        )


def test_every_action_on_an_incident_is_documented() -> None:
    from mainstay.faces.web.views.incident_actions import ACTIONS

    page = text_of("screens.md")
    assert not [name for name in ACTIONS if f"`{name}`" not in page and f"/{name}`" not in page]


@pytest.mark.parametrize(("method", "path"), sorted(protocols.ROUTES))
def test_every_intake_route_is_documented(method: str, path: str) -> None:
    assert f"`{method} {path}`" in text_of("api.md")


def models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in getattr(annotation, "__args__", ()) for model in models_in(part)]


def keys_of(model: type[BaseModel]) -> Iterator[str]:
    """The keys of an entry and of what is nested in it."""
    for name, info in model.model_fields.items():
        yield info.alias or name
        for nested in models_in(info.annotation):
            yield from keys_of(nested)


@pytest.mark.parametrize("section", schema.SECTIONS)
def test_every_section_and_key_of_configuration_files_is_documented(section: str) -> None:
    _, found, rest = text_of("configuration-files.md").partition(f"\n## {section}\n")
    assert found, f"docs/reference/configuration-files.md has no section {section}"
    here = rest.partition("\n## ")[0]
    (model,) = models_in(schema.Document.model_fields[section].annotation)
    missing = [key for key in keys_of(model) if f"`{key}`" not in here]
    assert not missing, f"section {section} does not name {missing}"


def test_tables_of_the_telemetry_store_are_documented_with_every_column() -> None:
    from mainstay.observe.telemetry.schema import TABLES

    page = text_of("telemetry-tables.md")
    for table in TABLES.values():
        here = page.partition(f"\n## {table.name}\n")[2].partition("\n## ")[0]
        depth, top = 0, ""
        for sign in table.ddl:
            depth += (sign == "(") - (sign == ")")
            top += sign if not depth else ""
        columns = [part.split()[0] for part in top.split(",") if part.split()[0] != "INDEX"]
        missing = [column for column in columns if f"`{column}`" not in here]
        assert not missing, f"{table.name}: {missing}"


def test_every_name_of_log_formats_is_documented() -> None:
    from mainstay.observe.logs.formats.names import NAMES

    page = (DOCS / "how-to/read-your-own-format.md").read_text()
    assert [name for name in NAMES if f"`{name}`" not in page] == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_to_files_and_headings_that_exist(page: Path) -> None:
    for target in _LINK.findall(page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        place, _, heading = target.partition("#")
        file = (page.parent / place).resolve() if place else page
        if not file.exists() and file.is_relative_to(ROOT) and named(file).startswith(MAY_BE_MISSING):
            continue
        assert file.exists(), f"{named(page)} links to {target}"
        if heading:
            headings = re.findall(r"^#+ (.*)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            anchors = {re.sub(r"[^\w\- ]", "", one).strip().lower().replace(" ", "-") for one in headings}
            assert heading in anchors, f"{named(page)} links to {target}"


def test_every_page_can_be_reached_from_the_index() -> None:
    reached, waiting = set[Path](), [ROOT / "README.md", DOCS / "index.md"]
    while waiting:
        page = waiting.pop()
        if page in reached or page.suffix != ".md" or not page.exists():
            continue
        reached.add(page)
        links = _LINK.findall(page.read_text(encoding="utf-8"))
        waiting += [(page.parent / one.partition("#")[0]).resolve() for one in links if not re.match(r"[a-z]+:", one)]
    lost = [named(page) for page in DOCS.rglob("*.md") if page not in reached]
    assert not lost, "no page links to these"


def test_examples_of_configuration_files_can_be_applied_as_far_as_reading_goes() -> None:
    marked = 0
    for page in PAGES:
        for language, text in fences(page):
            if language == "yaml" and text.startswith(CONFIGURATION_MARK):
                marked += 1
                read.read([(named(page), text)])
            elif language == "yaml":
                assert not re.search(rf"^({'|'.join(schema.SECTIONS)}|groups):", text, re.MULTILINE), (
                    f"{named(page)}: begin this example with {CONFIGURATION_MARK.strip()!r}"
                )
    assert marked >= 3


def used_commands() -> list[tuple[str, str]]:
    """(page, command line) of every ``mainstay …`` in a block of shell."""
    found = []
    for page in PAGES:
        for language, text in fences(page):
            if language == "sh":
                for line in text.replace("\\\n", " ").splitlines():
                    words = re.search(r"(?:^|[\s/(|])(mainstay [a-z].*)", line.partition(" #")[0])
                    found += [(named(page), words[1])] if words else []
    return found


@pytest.mark.parametrize(("page", "line"), used_commands())
def test_commands_in_examples_exist_with_their_options(page: str, line: str) -> None:
    words = shlex.split(re.split(r"\s[|>&<]|\)", line)[0])[1:]
    rest, _ = setup.take_settings(words)
    command = next((rest[:size] for size in (3, 2, 1) if tuple(rest[:size]) in ALL_COMMANDS), None)
    assert command, f"{page}: there is no command {line!r}"
    known = {name for param in ALL_COMMANDS[tuple(command)].params for name in param.opts} | {"--help"}
    for word in rest:
        assert not word.startswith("--") or word.partition("=")[0] in known, f"{page}: {line!r} has no {word}"


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_commands_in_sentences_exist(page: Path) -> None:
    known = {words[:size] for words in ALL_COMMANDS for size in range(1, len(words) + 1)}
    for line in re.findall(r"`mainstay ([a-z][^`]*)`", page.read_text(encoding="utf-8")):
        first = (line.split()[0],)
        two = tuple(line.split()[:2])
        group = first in known and first not in ALL_COMMANDS
        assert two in known if group and len(two) == 2 else first in known, f"{named(page)}: `mainstay {line}`"


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_settings_that_pages_name_exist(page: Path) -> None:
    known = {spec.env for spec in SPECS} | {f"{spec.env}_FILE" for spec in SPECS}
    known |= {"MAINSTAY_CONFIG", "MAINSTAY_TOKEN", "MAINSTAY_TEST_REQUIRE", "MAINSTAY_SKIP_SCREENS"}
    assert set(re.findall(r"\bMAINSTAY_[A-Z_]+[A-Z]\b", page.read_text(encoding="utf-8"))) <= known


@pytest.mark.parametrize("path", [*PAGES, *SOURCES], ids=named)
def test_nothing_names_one_machine(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not [word for word in MACHINE_WORDS if word in text]
