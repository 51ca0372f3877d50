"""Commands that set an installation up and look after it."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from mainstay.core.settings import SPECS, current
from mainstay.faces.cli.output import FAILED, fail, show_one, show_rows
from mainstay.faces.cli.setup import say, use_django

Json = Annotated[bool, typer.Option("--json", help="Answer as JSON.")]

token_app = typer.Typer(help="Keys for programs.", no_args_is_help=True)
person_app = typer.Typer(help="Accounts.", no_args_is_help=True)
audit_app = typer.Typer(help="The audit log.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(init)
    app.command()(doctor)
    app.command()(backup)
    app.command()(restore)
    app.add_typer(token_app, name="token")
    app.add_typer(person_app, name="person")
    app.add_typer(audit_app, name="audit")


@person_app.callback()
@token_app.callback()
@audit_app.callback()
def _ready() -> None:
    use_django()


def init(
    admin: Annotated[str, typer.Option(help="Mail address of the first admin.")],
    name: Annotated[str, typer.Option(help="Name of the first admin.")] = "",
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input instead of making a link.")
    ] = False,
) -> None:
    """Make the database and the first admin, and print a one-time sign-in link."""
    use_django()
    from django.core.management import call_command

    from mainstay.core import access, people, tokens

    current().data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    call_command("migrate", verbosity=0, interactive=False)
    password = sys.stdin.readline().rstrip("\n") if password_stdin else None
    person = people.create_person(access.LOCAL, admin, name, "admin", password)
    say(f"{person} is an admin of the installation in {current().data_dir}.")
    if password is None:
        say("This link signs in once, within 24 hours:")
        print(tokens.create_sign_in_link(person, current().public_url))


@person_app.command("link")
def person_link(email: str) -> None:
    """Print a link that signs a person in once, within 24 hours."""
    from mainstay.core import access, audit, people, tokens

    person = people.find(email)
    if person is None:
        fail(f"nobody has the address {email}", 3)
    audit.record(access.LOCAL, "person.link", f"person {person.email}")
    print(tokens.create_sign_in_link(person, current().public_url))


@token_app.command("create")
def token_create(
    name: Annotated[str, typer.Option(help="What uses it.")],
    scope: Annotated[str, typer.Option(help="intake, read or write.")],
) -> None:
    """Make a token and print it. It is shown this once."""
    from mainstay.core import access, tokens

    print(tokens.create_token(access.LOCAL, name, scope))


@token_app.command("revoke")
def token_revoke(name: str) -> None:
    """Switch a token off for good."""
    from mainstay.core import access, tokens

    tokens.revoke_token(access.LOCAL, name)
    say(f"{name} is revoked.")


@token_app.command("list")
def token_list(as_json: Json = False) -> None:
    """List the tokens."""
    from mainstay.core import access, tokens

    rows = [
        {
            "name": token.name,
            "scope": token.scope,
            "begins": token.hint,
            "created": token.created_at,
            "last_used": token.last_used_at,
            "revoked": token.revoked_at,
        }
        for token in tokens.list_tokens(access.LOCAL)
    ]
    show_rows(rows, as_json=as_json)


@audit_app.command("verify")
def audit_verify(as_json: Json = False) -> None:
    """Check that nothing in the audit log was changed or left out."""
    from mainstay.core import audit

    verdict = audit.verify()
    if as_json:
        row = {"intact": verdict.intact, "entries": verdict.entries, "broken_at": verdict.broken_at}
        show_one({**row, "reason": verdict.reason}, as_json=True)
    else:
        print(verdict.reason)
    if not verdict.intact:
        raise SystemExit(FAILED)


@audit_app.command("list")
def audit_list(
    limit: Annotated[int, typer.Option(min=1, help="How many, newest first.")] = 50, as_json: Json = False
) -> None:
    """List the newest entries of the audit log."""
    from mainstay.core.models import AuditEntry

    fields = ("seq", "at", "actor", "action", "target", "detail", *(("hash",) if as_json else ()))
    rows = AuditEntry.objects.order_by("-seq").values(*fields)[:limit]
    show_rows(list(rows), as_json=as_json)


def doctor(as_json: Json = False) -> None:
    """Check the installation and say what to do about what is wrong."""
    use_django()
    from mainstay.faces.run.doctor import examine

    found = examine()
    show_rows([{"check": one.name, "ok": one.ok, "detail": one.detail} for one in found], as_json=as_json)
    if not all(one.ok for one in found):
        raise SystemExit(FAILED)


def backup(file: Path) -> None:
    """Write both stores into one file, while everything runs."""
    use_django()
    from mainstay.faces.run import archive

    for line in archive.backup(file):
        say(line)


def restore(file: Path) -> None:
    """Fill an empty installation from a backup. Nothing may be running."""
    use_django()
    from mainstay.faces.run import archive

    for line in archive.restore(file):
        say(line)


def explain_rows() -> list[dict[str, str]]:
    """Every setting with its value and where it came from."""
    conf = current()
    return [
        {"setting": spec.name, "value": conf.shown(spec.name), "from": conf.origins[spec.name], "help": spec.help}
        for spec in SPECS
    ]
