"""Plans as they stand in configuration files. The models check them, and steps are decided by them. Pure."""

from typing import Annotated, Literal, Self

import re2
from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from mainstay.catalog.calendar.civil import read_clock, zone_of
from mainstay.change.releases.plans.bound import Bound
from mainstay.change.releases.plans.text import HEADER, TEXT, names_in, secrets_in
from mainstay.core.entries import Entry, Key, Keyed

Seconds = Annotated[float, Field(gt=0, le=60)]
PortNumber = Annotated[int, Field(ge=1, le=65_535)]
Host = Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{1,253}$")]


def _condition(value: str) -> str:
    Bound.of(value)
    return value


def _number_wanted(value: str) -> str:
    Bound.of(value, number=True)
    return value


def _clock(value: object) -> object:
    """YAML 1.1 reads 06:00 without quotes as 360, minutes of a day in base 60."""
    found = f"{value // 60:02d}:{value % 60:02d}" if isinstance(value, int) and 0 <= value < 1440 else value
    return f"{read_clock(found):%H:%M}" if isinstance(found, str) else found


def _zone(value: str) -> str:
    zone_of(value)
    return value


Condition = Annotated[str, AfterValidator(_condition), Field(max_length=500)]
Number = Annotated[str, AfterValidator(_number_wanted), Field(max_length=100)]


def _place(value: str) -> str:
    if value.startswith(TEXT):
        pattern = re2.compile(value.removeprefix(TEXT)) if len(value) <= 500 else None
        if pattern is None or pattern.groups != 1:
            raise ValueError("write an expression with one group, at most 500 characters, after text:")
    elif value and not value.startswith(("/", HEADER)):
        raise ValueError("write a JSON pointer such as /items/0/id, header:NAME, or text:EXPRESSION")
    return value


Pointer = Annotated[str, Field(pattern=r"^(/.*)?$", max_length=500)]
Place = Annotated[str, AfterValidator(_place)]
HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$")]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class Request(Entry):
    """One request of a flow. ``${name}`` stands for what an earlier answer gave, ``${secret:NAME}`` for a secret."""

    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    url: str = Field(pattern=r"^https?://[^\s/]+", max_length=2000)
    headers: dict[HeaderName, str] = {}
    body: str = Field("", max_length=100_000)
    status: list[Annotated[int, Field(ge=100, le=599)]] = Field([], description="Empty: any below 400.")
    contains: list[Annotated[str, Field(min_length=1)]] = Field([], description="Texts that the answer holds.")
    lacks: list[Annotated[str, Field(min_length=1)]] = Field([], description="Texts that it does not hold.")
    values: dict[Pointer, Condition] = Field({}, description="JSON pointer to condition: {/state: '== paid'}.")
    take: dict[Name, Place] = Field({}, description="Name to place: {order: /id}.")


class Flow(Entry):
    """Requests in order, with the cookies that they are given."""

    requests: list[Request] = Field(min_length=1, max_length=20)

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        known: set[str] = set()
        for number, one in enumerate(self.requests, 1):
            if secrets_in(one.url):
                raise ValueError(f"request {number}: a secret does not belong in an address; use a header or the body")
            for text in (one.url, one.body, *one.headers.values()):
                lost = sorted(names_in(text) - known)
                if lost:
                    raise ValueError(f"request {number}: no earlier request takes {lost[0]!r}")
            known |= one.take.keys()
        return self


class Tls(Entry):
    """The certificate of a server."""

    host: Host
    port: PortNumber = 443
    days: int = Field(14, ge=0, le=3650, description="As long as it must be valid still.")


class PortOf(Entry):
    """A port that takes connections."""

    host: Host
    port: PortNumber


class Sql(Entry):
    """A read through the SQL desk. ``${since}`` is when the release was rolled out, UTC."""

    connection: Key
    statement: str = Field(min_length=1, max_length=20_000)
    rows: Literal["none", ""] = Field("", description="none: no row may come.")
    at_least: int | None = Field(None, ge=1, le=100_000)
    at_most: int | None = Field(None, ge=1, le=100_000)
    value: Condition | Literal[""] = Field("", description="What the first column of the one row must be.")
    among: str = Field("", max_length=20_000, description="Counts what is looked at, so that nothing passes on none.")
    among_at_least: int = Field(1, ge=1, le=10**9)

    @model_validator(mode="after")
    def _one_expectation(self) -> Self:
        given = [name for name in ("rows", "at_least", "at_most", "value") if getattr(self, name) not in {None, ""}]
        if len(given) != 1:
            raise ValueError("write one of rows: none, at_least, at_most and value")
        lost = sorted((names_in(self.statement) | names_in(self.among)) - {"since", "since_iso"})
        if lost or secrets_in(self.statement + self.among):
            raise ValueError("only ${since} and ${since_iso} can stand in a statement")
        return self


class Metric(Entry):
    """An expression of PromQL and what every series of it must be."""

    expr: str = Field(min_length=1, max_length=5000)
    want: Number


class Integration(Entry):
    """Something that the service needs and that must be reachable."""

    url: str = Field("", pattern=r"^(https?://[^\s/]+.*)?$", max_length=2000)
    host: Host | Literal[""] = ""
    port: PortNumber | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if bool(self.url) == bool(self.host) or bool(self.host) != bool(self.port):
            raise ValueError("write either url, or host and port")
        return self


class Batch(Entry):
    """A job that must have come by a civil time after the release."""

    metric: str = Field("", max_length=5000, description="It has come when this gives a series; ${since} is Unix time.")
    log: str = Field("", max_length=2000, description="It has come when a line since the release fits this query.")
    by: Annotated[str, BeforeValidator(_clock, json_schema_input_type=str)]
    timezone: Annotated[str, AfterValidator(_zone)] = "UTC"

    @model_validator(mode="after")
    def _one_sign(self) -> Self:
        if bool(self.metric) == bool(self.log):
            raise ValueError("write either metric or log")
        return self


KINDS = ("http", "tls", "port", "sql", "metric", "integration", "batch")


class Step(Entry):
    """One thing to look at."""

    key: Key
    name: str = Field("", max_length=160)
    why: str = Field("", max_length=500, description="Why it is looked at.")
    timeout: Seconds | None = Field(None, description="Seconds for each request or connection.")
    http: Flow | None = None
    tls: Tls | None = None
    port: PortOf | None = None
    sql: Sql | None = None
    metric: Metric | None = None
    integration: Integration | None = None
    batch: Batch | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if sum(getattr(self, one) is not None for one in KINDS) != 1:
            raise ValueError(f"write one of {', '.join(KINDS)}")
        return self

    @property
    def kind(self) -> str:
        """Which kind of step it is."""
        return next(one for one in KINDS if getattr(self, one) is not None)

    @property
    def what(self) -> str:
        """What evidence calls it."""
        return f"{self.kind} {self.name or self.key}"


class OnFailed(Entry):
    """The runbook that begins by itself when a release has failed."""

    runbook: Key
    inputs: dict[str, str | dict[Literal["release"], Literal["service", "version", "previous", "number"]]] = Field(
        {}, description="A value, or {release: NAME}."
    )
    targets: list[Key] | None = None
    rolls_back: bool = Field(False, description="When its run went through, the release is rolled back.")


class OnVerdict(Entry):
    """Who is told of each verdict."""

    webhook: str = Field("", pattern=r"^(https?://[^\s/]+.*)?$", max_length=2000)
    secret: str = Field("", max_length=80, description="Name of a secret that is the address, instead.")

    @model_validator(mode="after")
    def _one_address(self) -> Self:
        if bool(self.webhook) == bool(self.secret):
            raise ValueError("write either webhook or secret")
        return self


class ReleasePlan(Keyed):
    """What is looked at after a release of a service."""

    service: Key
    steps: list[Step] = Field(min_length=1, max_length=100)
    on_failed: OnFailed | None = None
    on_verdict: OnVerdict | None = None
    enabled: bool = True

    @model_validator(mode="after")
    def _steps_differ(self) -> Self:
        keys = [one.key for one in self.steps]
        twice = next((key for key in keys if keys.count(key) > 1), None)
        if twice is not None:
            raise ValueError(f"steps: {twice!r} stands twice")
        return self
