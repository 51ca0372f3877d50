"""Words that blame people, and what to write instead. A hint, not a rule: the writer decides.

The idea is that of blameless postmortems (Allspaw 2012): what people did made sense to them with what they knew, so a
review asks what the system allowed and what it told them.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_VERBS = re.compile(
    r"\b(forgot(?:ten)?|fail(?:ed|s)? to|neglect\w*|ignor(?:ed|es|ing)|broke|botched|messed up|screwed up"
    r"|should(?:n't| not)? have|could have|did(?:n't| not) (?:bother|check|test|notice|read|follow|think|care)"
    r"|careless\w*|mistake\w*|blunder\w*|negligen\w*|incompeten\w*|lazy|sloppy|at fault|to blame|is guilty|was guilty"
    r"|human error|his fault|her fault|their fault|mis(?:configured|typed|read|understood))\b",
    re.IGNORECASE,
)
_ROLES = (
    *("engineer", "developer", "operator", "administrator", "admin", "sysadmin", "dba", "tester", "manager", "intern"),
    *(
        "contractor",
        "vendor",
        "colleague",
        "responder",
        "on-call",
        "team",
        "he",
        "she",
        "they",
        "who",
        "somebody",
        "someone",
    ),
)
# Words that blame whoever is meant.
_ALWAYS = re.compile(
    r"\b(human error|careless\w*|negligen\w*|incompeten\w*|lazy|sloppy|botched|screwed up)\b", re.IGNORECASE
)
_SENTENCE = re.compile(r"[^.!?\n]+[.!?]?")


@dataclass(frozen=True)
class Hint:
    """A sentence that blames: which line it stands in, the words, and what to write instead."""

    line: int
    words: str
    says: str


def hints(text: str, names: Iterable[str]) -> list[Hint]:
    """Sentences in which a person or a role stands with a word of blame, in order."""
    whole = sorted({part for name in names for part in (name, *name.split()) if len(part) > 2}, key=len, reverse=True)
    who = re.compile(rf"\b({'|'.join(map(re.escape, (*whole, *_ROLES)))})s?\b", re.IGNORECASE)
    return list(_hints(text, who))


def _hints(text: str, who: "re.Pattern[str]") -> Iterator[Hint]:
    for number, line in enumerate(text.split("\n"), 1):
        for found in _SENTENCE.finditer(line):
            sentence = found[0]
            blame, person = _VERBS.search(sentence), who.search(sentence)
            always = _ALWAYS.search(sentence)
            if blame and person:
                yield Hint(
                    number,
                    sentence.strip(),
                    f"{person[0]!r} beside {blame[0]!r}: say what the system allowed, or did not tell",
                )
            elif always:
                yield Hint(number, sentence.strip(), f"{always[0]!r} ends the question: ask what made it likely")
