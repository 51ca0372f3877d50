"""What a configuration file may hold. The models check it, and the published JSON Schema is made from them."""

from datetime import date, time
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from mainstay.catalog.calendar.entries import Raw, entry_from
from mainstay.change.releases.plans.model import ReleasePlan
from mainstay.config.drills import Drill
from mainstay.config.levels import Agreement, Objective
from mainstay.config.parts import (
    Civil,
    Duration,
    Email,
    Hours,
    Relabel,
    Templates,
    WallClock,
    cents,
    clock,
    whole,
)
from mainstay.config.reports import Report
from mainstay.config.trackers import Tracker
from mainstay.core.entries import Entry, Key, Keyed
from mainstay.restore.sqldesk.domain.address import parse_address


class Contact(Entry):
    """A way to reach a person."""

    channel: Literal["mail", "web", "webhook", "apprise"]
    address: str = Field("", max_length=2000, description="Empty for web, and for mail to the person's own address.")
    address_env: str = Field(
        "", description="Environment variable that holds the address, for addresses that are secrets."
    )
    min_priority: int = Field(4, ge=1, le=4, description="Used for this priority and more urgent ones.")


class Person(Entry):
    """Somebody who signs in, is paged, or both."""

    email: Email
    name: str = Field(max_length=120)
    role: Literal["viewer", "responder", "maintainer", "admin"] = "viewer"
    timezone: str = ""
    contact: list[Contact] = []


class Team(Keyed):
    """People who own services together."""

    description: str = ""
    members: list[Email] = []


class Service(Keyed):
    """A running thing that can fail on its own."""

    team: Key | None = None
    tier: int = Field(3, ge=1, le=4)
    description: str = ""
    links: dict[str, Annotated[str, Field(pattern=r"^https?://")]] = {}
    depends_on: list[Key] = []
    changes: Literal["any", "only_in_windows"] = Field("any", description="When it may be changed.")


class CalendarEntry(Keyed):
    """A maintenance window, a freeze or a business event."""

    kind: Literal["window", "freeze", "event"]
    services: list[Key] = Field([], description="Empty: everything.")
    reach: Literal["alone", "dependents", "dependencies", "both"] = "alone"
    changes: list[Literal["correction", "job", "runbook", "release", "other"]] = Field(
        [], description="Kinds of change that it is about. Empty: every kind."
    )
    start: Civil
    timezone: str = Field("UTC", max_length=64)
    lasts: Annotated[Duration, AfterValidator(whole)] | None = None
    to: WallClock = Field("", description="The end on the clock, such as '04:00', instead of lasts.")
    days_later: int = Field(0, ge=0, le=365, description="Days from the start to the end on the clock.")
    rrule: str = Field("", max_length=300, description="RFC 5545, such as FREQ=WEEKLY;BYDAY=SU.")
    rdate: list[Civil] = []
    exdate: list[Civil] = []
    until: Civil | Literal[""] = ""
    reason: str = Field("", max_length=2000)
    enabled: bool = True

    @model_validator(mode="after")
    def _can_be_understood(self) -> Self:
        entry_from(calendar_raw(self.model_dump(mode="json")))
        return self


def calendar_raw(entry: dict[str, Any]) -> Raw:
    """An entry of a file as the calendar reads it."""
    return Raw(
        key=entry["key"],
        kind=entry["kind"],
        name=entry["name"] or entry["key"],
        timezone=entry["timezone"],
        start=entry["start"],
        lasts=int(entry["lasts"]) if entry["lasts"] is not None else None,
        to=entry["to"],
        days_later=entry["days_later"],
        rrule=entry["rrule"],
        rdate=tuple(entry["rdate"]),
        exdate=tuple(entry["exdate"]),
        until=entry["until"],
        services=frozenset(entry["services"]),
        reach=entry["reach"],
        changes=frozenset(entry["changes"]),
        reason=entry["reason"],
    )


class BusinessProcess(Keyed):
    """What the business does with the services."""

    importance: Literal["high", "medium", "low"] = "medium"
    users: str = Field("", max_length=200)
    cost_per_hour: Annotated[Decimal, AfterValidator(cents)] | None = Field(None, ge=0, max_digits=14, decimal_places=2)
    support_hours: Hours = {}
    services: list[Key] = []


class Subscriber(Keyed):
    """Somebody who is told by mail what happens to services and business processes."""

    mail: Email
    timezone: str = ""
    services: list[Key] = Field([], description="Without services and processes: everything.")
    processes: list[Key] = []


class Rotation(Keyed):
    """People who take turns."""

    timezone: str = "UTC"
    people: list[Email] = Field(min_length=1)
    starts_on: date
    handover: Annotated[time, BeforeValidator(clock)] = time(8)
    days: int = Field(7, ge=1, le=366)


class Step(Entry):
    """One step of an escalation policy."""

    people: list[Email] = []
    rotations: list[Key] = []
    wait: Annotated[Duration, AfterValidator(whole)] = 600.0


class EscalationPolicy(Keyed):
    """Who is paged, and who next."""

    team: Key | None = None
    services: list[Key] = []
    default: bool = False
    repeat: int = Field(2, ge=0, le=20)
    steps: list[Step] = Field(min_length=1)


class Target(Keyed):
    """An address that is scraped."""

    url: str = Field(pattern=r"^https?://", max_length=2000)
    service: Key | None = None
    labels: dict[str, str] = {}
    relabel: Relabel = []
    metric_relabel: Relabel = []
    interval: Duration | None = None
    enabled: bool = True


class Rule(Keyed):
    """A threshold rule in PromQL."""

    group: str = ""
    expr: str = Field(min_length=1)
    for_: Duration = Field(0.0, alias="for")
    keep_firing_for: Duration = 0.0
    interval: Duration | None = None
    labels: Templates = {}
    annotations: Templates = {}
    service: Key | None = None
    urgency: Literal["high", "medium", "low", ""] = ""
    enabled: bool = True


By = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=120)]],
    BeforeValidator(lambda value: [value] if isinstance(value, str) else value, json_schema_input_type=str | list[str]),
]
Pattern = Annotated[int, Field(gt=0, lt=2**63, description="The number of a log pattern.")]


class LogRule(Keyed):
    """A rule over log lines: rate, ratio, new_pattern, absent or unusual."""

    group: str = ""
    query: str = Field("", max_length=2000)
    service: Key | None = None
    pattern: Pattern | None = None
    window: Duration | None = None
    by: By = ["service"]
    rate: str = ""
    ratio: str = ""
    of: str = Field("", max_length=2000)
    new_pattern: bool = False
    level: str = ""
    absent: Duration | None = None
    unusual: float | None = Field(None, gt=0)
    at_least: float = Field(20.0, gt=0)
    for_: Duration = Field(0.0, alias="for")
    keep_firing_for: Duration = 0.0
    interval: Duration | None = None
    labels: Templates = {}
    annotations: Templates = {}
    urgency: Literal["high", "medium", "low", ""] = ""
    enabled: bool = True


class LogMetric(Keyed):
    """Counts of log lines, or numbers in them, as samples."""

    metric: str = Field(pattern=r"^[A-Za-z_:][A-Za-z0-9_:]{0,199}$", description="The name of the metric.")
    query: str = Field("", max_length=2000)
    service: Key | None = None
    by: By = ["service"]
    value: str = Field("", max_length=120, description="An attribute that holds a number. Empty counts lines.")
    pattern: Pattern | None = None
    slot: int | None = Field(None, ge=1, le=50, description="The variable part of the pattern that holds a number.")
    buckets: list[float] = Field([], max_length=50)
    interval: Duration | None = None
    enabled: bool = True


class Check(Keyed):
    """A program that says by its exit code whether something is well, or a runbook that only looks."""

    command: list[str] = Field([], description="The program and its arguments. No shell reads them.")
    script: str = Field("", max_length=100_000, description="Text of a script that begins with #!, instead.")
    runbook: Key | Literal[""] = Field("", description="Key of a runbook that only looks, instead.")
    inputs: dict[str, str] = Field({}, description="Values for the runbook.")
    service: Key | None = None
    interval: Duration | None = None
    timeout: Duration | None = None
    needed: int = Field(1, ge=1, le=20, description="So many of the last runs decide.")
    of: int = Field(1, ge=1, le=20)
    env: dict[str, str] = Field({}, description="Environment variables.")
    secrets: dict[str, str] = Field({}, description="Environment variables with the names of secrets.")
    labels: dict[str, str] = {}
    enabled: bool = True


class Match(Entry):
    """How a known error is recognised. Every part that is given must fit."""

    rules: list[str] = []
    labels: dict[str, str] = {}
    matchers: list[str] = Field([], description='As Alertmanager writes them: severity="critical", env=~"prod|stage".')
    text: str = Field("", max_length=300, description="A part of an annotation, whatever its case.")
    words: list[str] = Field([], description="Words of the annotations, in any order.")
    condition: str = Field("", max_length=300, description="What the alert measured: RULE > 0.5, or METRIC <= 10.")
    log: str = Field("", max_length=1000, description="Log template or its number, seen around the beginning.")


class KnownError(Keyed):
    """A failure that was seen before, and what to do."""

    services: list[Key] = []
    team: Key | None = None
    owner: str | None = Field(None, description="Mail address of the person who looks after it.")
    match: Match = Field(default_factory=lambda: Match.model_validate({}))
    workaround: str = Field(min_length=1, max_length=20_000, description="Markdown.")
    runbook: str = Field("", max_length=80, description="Key of the runbook that does it.")
    fix: Literal["none", "reported", "planned", "in_progress", "released"] = "none"
    ticket: str = Field("", max_length=300, description="Where the permanent fix is followed up.")
    fixed_by: str = Field("", max_length=120, description="The release or change that ends it, such as 4.1.7.")


class Mask(Entry):
    """A column whose values people do not see."""

    column: str = Field(min_length=1, max_length=120)
    table: str = Field("", max_length=120, description="Empty: in every table.")
    show: Literal["nothing", "last4", "hash"] = "nothing"


class Connection(Keyed):
    """A database that the SQL desk may talk to."""

    dialect: Literal["postgres", "mysql", "sqlite", "oracle", "sqlserver"]
    environment: Literal["production", "staging", "test"] = "production"
    address: str = Field(max_length=500, description="USER@HOST:PORT/DATABASE, or the path of a SQLite file.")
    secret: str = Field("", max_length=80, description="Name of the secret that is the password.")
    read_address: str = Field("", max_length=500, description="Where reads go. Empty: to the address.")
    read_secret: str = Field("", max_length=80)
    read_role: str = Field("", max_length=80, description="Role that reads take on (PostgreSQL).")
    services: list[Key] = Field([], description="Services whose data it is; the gate is asked for them.")
    statement_timeout: Annotated[Duration, Field(ge=1, le=3600), AfterValidator(whole)] = 30.0
    lock_timeout: Annotated[Duration, Field(ge=1, le=600), AfterValidator(whole)] = 5.0
    max_rows: int = Field(10_000, ge=1, le=10_000_000)
    max_bytes: int = Field(20_000_000, ge=1000, le=2_000_000_000)
    masks: list[Mask] = []
    sensitive: bool = Field(False, description="Whether a colleague has to approve each read.")
    corrections: bool = Field(True, description="Whether data may be corrected here.")

    @model_validator(mode="after")
    def _addresses(self) -> "Connection":
        for name in ("address", "read_address"):
            if getattr(self, name):
                try:
                    parse_address(self.dialect, getattr(self, name))
                except ValueError as error:
                    raise ValueError(f"{name}: {error}") from None
        if self.corrections and not self.services:
            raise ValueError("services: name whose data it is, since the gate is asked for them; or corrections: false")
        return self


class LogPolicy(Entry):
    """How long the log lines of a service are kept, and how much may come on a day."""

    key: str = Field(min_length=1, max_length=200, description="The service, as its lines name it.")
    name: str = Field("", max_length=160)
    keep_days: int | None = Field(None, ge=1, le=3650, description="Empty: retention_logs_days.")
    mb_per_day: int | None = Field(None, ge=1, le=10**9, description="MB of text; empty: no quota.")


class LogFormat(Keyed):
    """What the lines of services look like, where what they say of themselves is not enough."""

    services: list[Annotated[str, Field(min_length=1, max_length=200)]] = Field(
        ["*"], min_length=1, max_length=200, description="As lines name them; * for all."
    )
    contains: str = Field("", max_length=200, description="Text that a line must hold to be looked at.")
    pattern: str = Field(min_length=1, description="Grok, or a regular expression with named groups.")
    patterns: dict[str, str] = Field({}, description="Further names of the pattern, and what they stand for.")
    time: str = Field("time", max_length=120, description="The part that is the moment.")
    time_format: str = Field("", max_length=120, description="Such as %d.%m.%Y %H:%M:%S. Empty: found.")
    timezone: str = Field("", max_length=80, description="Of moments that name none: Europe/Berlin, +01:00.")
    level: str = Field("level", max_length=120, description="The part that is the level.")
    levels: dict[str, str] = Field({}, description="Words for levels: {X7: fatal}.")
    message: str = Field("message", max_length=120, description="The part that becomes the text of the line.")
    keep_line: bool = Field(True, description="Keep the whole line where the message is a part of it.")
    enabled: bool = True


class Host(Keyed):
    """A machine that runbooks reach over SSH."""

    address: str = Field(min_length=1, max_length=300, description="USER@HOST or USER@HOST:PORT.")
    secret: str = Field("", max_length=80, description="Name of the secret that is the private key.")
    host_key: str = Field("", max_length=4000, description="Its public key, such as: ssh-ed25519 AAAA…")
    via: Key | Literal[""] = Field("", description="The host that it is reached through.")
    groups: list[Key] = []
    services: list[Key] = []


class Runbook(Entry):
    """A runbook: its text, or the file that holds it."""

    key: Key
    text: str = Field("", max_length=1_000_000)
    path: str = Field("", max_length=500, description="As the worker finds it. Read anew when it changes.")

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if bool(self.text) == bool(self.path):
            raise ValueError("write either text or path")
        return self


class Remedy(Keyed):
    """A runbook that runs by itself for a known error or a rule, inside limits."""

    known_error: Key | Literal[""] = ""
    rule: Key | Literal[""] = ""
    runbook: Key
    inputs: dict[str, str | dict[Literal["label"], str]] = Field({}, description="A value, or {label: NAME}.")
    targets: list[Key] = []
    target_label: str = Field("", max_length=120, description="Label of the alert that is the key of a host.")
    per_hour: int = Field(2, ge=1, le=1000)
    per_target: int = Field(1, ge=1, le=1000, description="Runs of remedies on one machine in an hour.")
    enabled: bool = True

    @model_validator(mode="after")
    def _one_sign(self) -> Self:
        if bool(self.known_error) == bool(self.rule):
            raise ValueError("write either known_error or rule")
        if self.targets and self.target_label:
            raise ValueError("write either targets or target_label")
        return self


class Maintenance(Keyed):
    """Work that comes with every occurrence of a window of the calendar."""

    window: Key = Field(description="Key of an entry of the calendar.")
    services: list[Key] = Field(min_length=1)
    reach: Literal["alone", "dependents", "dependencies", "both"] = "alone"
    reason: str = Field(min_length=1, max_length=2000, description="Why, and what people will notice.")
    owner: Email = Field(description="Who plans it: what begins by itself may do what this person may.")
    quiet: bool = True
    announced: bool = True
    runbook: Key | Literal[""] = ""
    inputs: dict[str, str] = {}
    targets: list[Key] | None = None
    before: list[Key] = Field([], description="Checks that must be well before it begins.")
    after: list[Key] = Field([], description="Checks that must be well when it has ended.")
    by_itself: bool = Field(False, description="It begins at its time without a person.")
    enabled: bool = True


class Configuration(Keyed):
    """A place with configuration that is looked at again and again."""

    kind: Literal["files", "command", "http", "database"] = "files"
    service: Key | None = None
    host: Key | Literal[""] = Field("", description="Key of a host; empty: where the worker runs.")
    files: list[str] = Field([], description="Patterns of paths, such as /etc/nginx/**/*.conf.")
    command: str = Field("", max_length=10_000, description="For the shell; what it prints is kept.")
    url: str = Field("", pattern=r"^(https?://.*)?$", max_length=2000)
    connection: Key | Literal[""] = Field("", description="Key of a connection; the settings of its server are kept.")
    ignore: list[str] = Field([], description="Expressions; lines in which one is found are left out.")
    like: Key | Literal[""] = Field("", description="Key of another one that must look the same.")
    interval: Duration | None = None
    enabled: bool = True


class Document(Entry):
    """A configuration file of Mainstay."""

    people: list[Person] = []
    teams: list[Team] = []
    services: list[Service] = []
    calendar: list[CalendarEntry] = []
    business_processes: list[BusinessProcess] = []
    agreements: list[Agreement] = []
    objectives: list[Objective] = []
    rotations: list[Rotation] = []
    subscribers: list[Subscriber] = []
    escalation_policies: list[EscalationPolicy] = []
    targets: list[Target] = []
    rules: list[Rule] = []
    log_rules: list[LogRule] = []
    log_metrics: list[LogMetric] = []
    checks: list[Check] = []
    known_errors: list[KnownError] = []
    connections: list[Connection] = []
    hosts: list[Host] = []
    runbooks: list[Runbook] = []
    remedies: list[Remedy] = []
    maintenance: list[Maintenance] = []
    configurations: list[Configuration] = []
    release_plans: list[ReleasePlan] = []
    trackers: list[Tracker] = []
    reports: list[Report] = []
    drills: list[Drill] = []
    log_policies: list[LogPolicy] = []
    log_formats: list[LogFormat] = []


# In the order in which they are applied: later ones name earlier ones.
SECTIONS = tuple(Document.model_fields)


def identity(section: str, entry: Any) -> str:
    """What names an entry: the address of a person, else the key."""
    return str(entry["email"] if section == "people" else entry["key"])


def json_schema() -> dict[str, Any]:
    """The published schema, for completion in editors."""
    schema = Document.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
