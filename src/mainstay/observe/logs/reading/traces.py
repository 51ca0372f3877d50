"""Stack traces as objects: what was thrown, its causes, the first frame in the application's own code."""

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

_READ_CHARACTERS = 60_000
_FRAMES_IN_PRINT = 5


@dataclass(frozen=True)
class Trace:
    """``exception`` and the ``causes`` below it are names of classes, the root cause last; ``frame`` is a function."""

    exception: str
    causes: tuple[str, ...]
    frame: str
    fingerprint: int


@dataclass(frozen=True)
class _Found:
    thrown: tuple[str, ...]  # The outermost first.
    frames: tuple[str, ...]  # Of the root cause, the innermost first.
    own: tuple[str, ...]  # Those of them in the application's code.


_PYTHON = re.compile(r"^\s*Traceback \(most recent call last\):\s*$", re.MULTILINE)
_PYTHON_FRAME = re.compile(r'^\s*File "([^"]+)", line \d+(?:, in (.+))?$', re.MULTILINE)
_PYTHON_THROWN = re.compile(r"^\s*([A-Za-z_][\w.]*)(?::|$)")
_PYTHON_LIBRARY = re.compile(r"site-packages|dist-packages|/lib/python|<frozen|<string>")
_AT = re.compile(r"^\s*at (?:async )?(.+)$", re.MULTILINE)
_JAVA_THROWN = re.compile(
    r"^(?:.*?Exception in thread \"[^\"]*\" |Caused by: |.*?\b)?"
    r"((?:[a-z_][\w]*\.)+[A-Z][\w$]*|[A-Z][\w$]*(?:Exception|Error))(?::|\s*$)"
)
_JAVA_FRAME = re.compile(r"([\w.$<>/-]+)\([^()]*\)(?: ~?\[.*\])?$")
_JAVA_LIBRARY = re.compile(
    r"(?:java|javax|jdk|sun|com\.sun|jakarta|kotlin|scala|groovy|org\.(?:springframework|apache|hibernate|eclipse|jboss|"
    r"postgresql|junit)|com\.(?:zaxxer|fasterxml|mysql|google\.common)|io\.(?:netty|undertow|grpc)|reactor)[./]"
)
_NODE_FRAME = re.compile(r"(?:(?P<name>[^()]+?) )?\(?(?P<file>(?:[A-Za-z]:|node:|file:|/|\.)[^()]*?):\d+(?::\d+)?\)?$")
_NODE_LIBRARY = re.compile(r"node_modules|^node:|internal/")
_NODE_THROWN = re.compile(r"(?:^|\s)(?:Uncaught )?([A-Z]\w*(?:Error|Exception)|Error)\b(?: \[[A-Z_0-9]+\])?(?::|\s*$)")
_NODE_CAUSE = re.compile(r"\[cause\]: (?:Uncaught )?([A-Z]\w*)")
_DOTNET_THROWN = re.compile(
    r"(?:^|--->\s*|Unhandled exception\.? ?)((?:[A-Z]\w*\.)+[A-Z]\w*(?:Exception|Error)?)(?::| |$)"
)
_DOTNET_FRAME = re.compile(r"([\w.`<>\[\]+|]+)\(.*?\)(?: in (.+):line \d+)?$")
_DOTNET_LIBRARY = re.compile(r"(?:System|Microsoft|Npgsql|Grpc)\.")
_GO = re.compile(r"^goroutine \d+ \[", re.MULTILINE)
_GO_PANIC = re.compile(r"panic: (.+?)(?: \[recovered\])?$", re.MULTILINE)
_GO_FRAME = re.compile(r"^([\w./*-]+(?:\.\(\*?[\w.]+\))?\.[\w.]+)\(.*\)\n\s+\S+\.go:\d+", re.MULTILINE)
_GO_LIBRARY = re.compile(r"(?:runtime|net/http|testing|database/sql|reflect|sync)[./]|panic\(")


@lru_cache(maxsize=4096)
def trace_of(text: str) -> Trace | None:
    """The trace in a record, or nothing. The fingerprint does not change with messages, addresses and line numbers."""
    head = text[:_READ_CHARACTERS]
    for language, find in _LANGUAGES:
        found = find(head)
        if found and found.thrown:
            frames = found.own or found.frames
            print_ = "\x00".join((language, *found.thrown, *frames[:_FRAMES_IN_PRINT]))
            number = int.from_bytes(hashlib.blake2b(print_.encode("utf-8", "replace"), digest_size=8).digest(), "big")
            return Trace(found.thrown[0], found.thrown[1:], (frames or ("",))[0], number or 1)
    return None


def _python(text: str) -> _Found | None:
    """Python writes the root cause first and the last exception last; in each trace the innermost frame is the last."""
    parts = _PYTHON.split(text)[1:]
    if not parts:
        return None
    thrown = [name for part in parts if (name := _python_thrown(part))]
    frames = [(name or path, path) for path, name in reversed(_PYTHON_FRAME.findall(parts[0]))]
    own = tuple(name for name, path in frames if not _PYTHON_LIBRARY.search(path))
    return _Found(tuple(reversed(thrown)), tuple(name for name, _ in frames), own)


def _python_thrown(part: str) -> str:
    """The exception stands on the first line that is not indented, after the frames."""
    lines = part.split("\n")
    frames = [place for place, line in enumerate(lines) if _PYTHON_FRAME.match(line)]
    for line in lines[frames[-1] + 1 if frames else 0 :]:
        found = _PYTHON_THROWN.match(line)
        if found and not line.startswith(("    ", "\t")):
            return found.group(1)
    return ""


def _go(text: str) -> _Found | None:
    if not _GO.search(text):
        return None
    panic = _GO_PANIC.search(text)
    said = panic.group(1) if panic else "goroutine dump"
    kind = "runtime error" if said.startswith("runtime error") else "panic"
    frames = tuple(_GO_FRAME.findall(text))
    return _Found((kind,), frames, tuple(one for one in frames if not _GO_LIBRARY.match(one)))


def _at_blocks(text: str, thrown: re.Pattern[str]) -> list[tuple[str, list[str]]]:
    """What was thrown with the ``at`` lines below it, in the order of the text."""
    blocks: list[tuple[str, list[str]]] = []
    for line in text.split("\n"):
        at = _AT.match(line)
        if at and blocks:
            blocks[-1][1].append(at.group(1).strip())
        elif not at:
            names = thrown.findall(line) if "--->" in line else [one.group(1) for one in [thrown.search(line)] if one]
            blocks += [(name, []) for name in names]
    return blocks


def _java(text: str) -> _Found | None:
    return _with_at(text, _JAVA_THROWN, _JAVA_FRAME, _JAVA_LIBRARY)


def _dotnet(text: str) -> _Found | None:
    found = _with_at(text, _DOTNET_THROWN, _DOTNET_FRAME, _DOTNET_LIBRARY)
    return found if found and (" in " in text or "System." in text) else None


def _with_at(text: str, thrown: re.Pattern[str], frame: re.Pattern[str], library: re.Pattern[str]) -> _Found | None:
    if not _AT.search(text):
        return None
    blocks = [(name, calls) for name, calls in _at_blocks(text, thrown)]
    while blocks and not any(calls for _, calls in blocks[:2]):
        blocks.pop(0)
    calls = next((calls for _, calls in reversed(blocks) if calls), [])
    frames = tuple(found.group(1) for call in calls if (found := frame.match(call)))
    if len(frames) * 2 < len(calls) or not frames:
        return None
    return _Found(tuple(name for name, _ in blocks), frames, tuple(one for one in frames if not library.match(one)))


def _node(text: str) -> _Found | None:
    calls = [found for call in _AT.findall(text) if (found := _NODE_FRAME.match(call.strip()))]
    thrown = _NODE_THROWN.search(text.partition("\n    at ")[0])
    if not calls or not thrown:
        return None
    named = [(found.group("name") or found.group("file"), found.group("file")) for found in calls]
    own = tuple(name for name, file in named if not _NODE_LIBRARY.search(file))
    return _Found((thrown.group(1), *_NODE_CAUSE.findall(text)), tuple(name for name, _ in named), own)


_LANGUAGES: Sequence[tuple[str, Callable[[str], _Found | None]]] = (
    ("python", _python),
    ("go", _go),
    ("node", _node),
    ("dotnet", _dotnet),
    ("java", _java),
)
