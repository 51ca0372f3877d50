"""Runbooks: the shelf, one to follow by hand, its versions, and the forms that write it and that run it."""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods, require_POST

from mainstay.core.access import Actor, Right
from mainstay.core.problems import ProblemError
from mainstay.faces.web.views import run_inputs
from mainstay.faces.web.views.base import actor_of, say, sheet_of, show, whole
from mainstay.restore.runbooks import books, domain, hosts, reading, services

DRAFT = """---
key: restart-service
title: Restart the service
services: []
description: When it hangs and a restart is known to help.
---
What to look at first.

```shell id=restart title="Restart it" timeout=60s
systemctl restart example
```

```check id=answers title="It answers again" by=http timeout=2m
GET http://127.0.0.1:8080/healthz
```
"""


def every(request: HttpRequest) -> HttpResponse:
    """The shelf, with what became of the last run of each book."""
    wanted = {name: request.GET.get(name, "").strip()[:100] for name in ("q", "service")}
    found = reading.shelf(actor_of(request), wanted["q"], wanted["service"])
    return show(request, "runbooks", {"sheet": sheet_of(request, found), "wanted": wanted})


def one(request: HttpRequest, key: str) -> HttpResponse:
    """A book as a person follows it by hand, in the version that the address names or the present one."""
    actor = actor_of(request)
    book = books.get(actor, key)
    number = whole(request.GET.get("version"), 0) or None
    version = books.version(actor, key, number) if book.current or number else None
    return show(
        request,
        "runbook",
        {
            "book": book,
            "version": version,
            "content": books.content(actor, key, number) if version else None,
            "page": books.html(actor, key, number) if version else "",
            "versions": list(book.versions.all()[:20]),
            "services": list(book.services.all()),
            "runs": reading.of_book(actor, key)[:10] if actor.right >= Right.RESPOND else [],
        },
    )


def compared(request: HttpRequest, key: str, before: int, after: int) -> HttpResponse:
    """What differs between two versions."""
    actor = actor_of(request)
    lines = books.difference(actor, key, before, after)
    context = {"book": books.get(actor, key), "before": before, "after": after, "lines": lines}
    return show(request, "runbook_compared", context)


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, key: str = "") -> HttpResponse:
    """The text of a book, with what is wrong in it line by line. A panel only tells what it thinks of the text."""
    actor = actor_of(request)
    book = books.get(actor, key) if key else None
    text = request.POST.get("text", "") if request.method == "POST" else _text_of(actor, key) if book else DRAFT
    context: dict[str, Any] = {"book": book, "text": text, "problems": books.lint_text(text)}
    if request.method != "POST" or request.POST.get("do") != "save":
        return show(request, "runbook_edit", context, "parts/runbook_lint")
    try:
        kept = books.save(actor, text)
    except ProblemError as error:
        answer = show(request, "runbook_edit", {**context, "error": error})
        answer.status_code = error.status
        return answer
    say(request, f"Version {kept.number} is kept.")
    return HttpResponseRedirect(f"/runbooks/{kept.book.key}")


def _text_of(actor: Actor, key: str) -> str:
    return books.version(actor, key).text


@require_http_methods(["GET", "HEAD", "POST"])
def run(request: HttpRequest, key: str) -> HttpResponse:
    """The form of a run: inputs, targets and why. Keeping it makes the dry run."""
    actor = actor_of(request)
    content = books.content(actor, key)
    source = request.POST if request.method == "POST" else request.GET
    typed = run_inputs.typed(content, source)
    allowed = hosts.allowed(actor, content)
    chosen = source.getlist("target") if request.method == "POST" else [one.key for one in allowed]
    incident = source.get("incident", "").strip().upper().removeprefix("INC-")
    context = {
        "book": books.get(actor, key),
        "content": content,
        "inputs": run_inputs.fields(content, typed),
        "hosts": [(one, one.key in chosen) for one in allowed],
        "reason": source.get("reason", ""),
        "incident": incident,
        "needs_approval": domain.needs_approval(content),
    }
    if request.method != "POST":
        return show(request, "runbook_run", context)
    try:
        made = services.propose(
            actor,
            key,
            run_inputs.given(typed),
            targets=chosen if content.targets else None,
            reason=source.get("reason", ""),
            incident=whole(incident, -1) if incident else None,
        )
        services.ask_dry_run(actor, made.pk)
    except ProblemError as error:
        answer = show(request, "runbook_run", {**context, "error": error})
        answer.status_code = error.status
        return answer
    return HttpResponseRedirect(f"/runs/{made.pk}")


@require_POST
def act(request: HttpRequest, key: str, action: str) -> HttpResponse:
    """Let a book be run or not any more, or take it away."""
    actor, there = actor_of(request), f"/runbooks/{key}"
    try:
        if action == "remove":
            books.remove(actor, key)
            there = "/runbooks"
        else:
            books.switch(actor, key, enabled=action == "enable")
        say(request, {"remove": "It is gone.", "enable": "It can be run.", "disable": "Nobody can run it."}[action])
    except ProblemError as error:
        if error.status == 404:
            raise
        say(request, error.detail, "bad")
    return HttpResponseRedirect(there)
