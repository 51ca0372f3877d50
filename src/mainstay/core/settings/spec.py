"""Every setting of Mainstay, in one list: its name, kind, default and what it is for.

The list is the single source for parsing, for ``mainstay config explain`` and for the reference page.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


@dataclass(frozen=True)
class Spec:
    """One setting. ``parse`` turns text or a YAML value into the value, or raises ``ValueError`` with the remedy."""

    name: str
    default: Any
    help: str
    parse: Callable[[Any], Any]
    secret: bool = False

    @property
    def env(self) -> str:
        """The environment variable that sets it."""
        return "MAINSTAY_" + self.name.upper()


def text(value: Any) -> str:
    """Any text."""
    if isinstance(value, (dict, list)):
        raise ValueError("write one line of text")  # noqa: TRY004 - one error type for all bad values
    return "" if value is None else str(value)


def number(low: float, high: float) -> Callable[[Any], float]:
    """A number between two bounds, both included."""

    def parse(value: Any) -> float:
        try:
            found = float(value)
        except (TypeError, ValueError):
            raise ValueError(f"write a number from {low:g} to {high:g}") from None
        if not low <= found <= high:
            raise ValueError(f"write a number from {low:g} to {high:g}")
        return found

    return parse


def whole(low: int, high: int) -> Callable[[Any], int]:
    """A whole number between two bounds, both included."""

    def parse(value: Any) -> int:
        try:
            found = int(str(value))
        except ValueError:
            raise ValueError(f"write a whole number from {low} to {high}") from None
        if not low <= found <= high:
            raise ValueError(f"write a whole number from {low} to {high}")
        return found

    return parse


def flag(value: Any) -> bool:
    """Yes or no."""
    known = {"true": True, "yes": True, "1": True, "on": True, "false": False, "no": False, "0": False, "off": False}
    found = known.get(str(value).strip().lower())
    if found is None:
        raise ValueError("write true or false")
    return found


def listen(value: Any) -> str:
    """HOST:PORT."""
    host, _, port = str(value).rpartition(":")
    if not host or not port.isdigit() or not 0 <= int(port) <= 65535:
        raise ValueError("write HOST:PORT, for example 127.0.0.1:8000")
    return f"{host}:{port}"


def listen_or_off(value: Any) -> str:
    """HOST:PORT, or nothing for off."""
    return listen(value) if value else ""


def zone(value: Any) -> str:
    """A time zone by its name."""
    try:
        return ZoneInfo(str(value)).key
    except (ValueError, OSError, ZoneInfoNotFoundError):
        raise ValueError("write the name of a time zone, for example Europe/Berlin") from None


def expressions(value: Any) -> tuple[str, ...]:
    """Regular expressions: a list, or text with one a line, since a comma may stand in one."""
    parts = value if isinstance(value, list) else str(value or "").splitlines()
    found = tuple(str(part).strip() for part in parts if str(part).strip())
    for one in found:
        try:
            re.compile(one)
        except re.error as error:
            raise ValueError(f"{one!r} is no regular expression: {error}") from None
    return found


def names(value: Any) -> tuple[str, ...]:
    """A list, or text with commas."""
    parts = value if isinstance(value, list) else str(value or "").split(",")
    return tuple(str(part).strip() for part in parts if str(part).strip())


DAY = 86_400

SPECS: tuple[Spec, ...] = (
    Spec("data", "./mainstay-data", "Directory that holds the database, the telemetry, the spool and the keys.", text),
    Spec("listen", "127.0.0.1:8000", "Address that screens, API and intake listen on.", listen),
    Spec(
        "base_url",
        "",
        "Address that people reach Mainstay at; links in pages start with it. Empty: http://LISTEN.",
        text,
    ),
    Spec(
        "allowed_hosts",
        (),
        "Host names that requests may name. Empty: those of base_url and listen, and loopback.",
        names,
    ),
    Spec("trusted_proxies", (), "Addresses of reverse proxies whose X-Forwarded-For is believed.", names),
    Spec(
        "database_url",
        "",
        "Relational store: empty for SQLite in the data directory, or postgresql://USER:PASSWORD@HOST/NAME.",
        text,
        secret=True,
    ),
    Spec(
        "engine_url",
        "",
        "Telemetry store: empty for the embedded engine, or http(s)://USER:PASSWORD@HOST:8123.",
        text,
        secret=True,
    ),
    Spec("engine_listen", "127.0.0.1:0", "Address of the embedded engine. Port 0 takes a free one.", listen),
    Spec("engine_database", "mainstay", "Database in the telemetry store that holds the tables.", text),
    Spec("engine_memory_mb", 1500, "Memory that one telemetry query may take, MB.", whole(50, 1_000_000)),
    Spec("engine_timeout", 30.0, "Seconds after which a telemetry query is given up.", number(1, 3600)),
    Spec("log_search_timeout", 15.0, "Seconds after which a search of log lines is given up.", number(1, 3600)),
    Spec("log_search_lines", 1000, "Lines that one answer to a search may hold.", whole(10, 100_000)),
    Spec("log_facet_values", 10, "Values that are counted apart for each field beside a search.", whole(1, 200)),
    Spec("log_journey_lines", 2000, "Lines that the journey of one key may hold.", whole(10, 100_000)),
    Spec("log_sql_rows", 10_000, "Rows that a person's own SQL over log lines may give.", whole(1, 1_000_000)),
    Spec("log_sql_timeout", 10.0, "Seconds after which a person's own SQL is given up.", number(1, 3600)),
    Spec("log_sql_memory_mb", 1000, "Memory that a person's own SQL may take, MB.", whole(50, 1_000_000)),
    Spec("retention_metrics_days", 30, "Days that samples are kept.", whole(1, 3650)),
    Spec("retention_logs_days", 14, "Days that log lines are kept.", whole(1, 3650)),
    Spec("retention_log_counts_days", 400, "Days that the counts of log lines per minute are kept.", whole(1, 3650)),
    Spec(
        "log_redact",
        ("cards", "secrets"),
        "What is taken out of log lines before they are kept: cards, secrets, emails, ibans.",
        names,
    ),
    Spec(
        "log_service_lines_per_second",
        50_000,
        "Log lines a second that are taken of one service over HTTP while the store does not keep up.",
        whole(1, 10**9),
    ),
    Spec(
        "log_rate_pressure",
        25,
        "How full the spool is, in percent, when log_service_lines_per_second begins to hold. 0: always.",
        whole(0, 100),
    ),
    Spec(
        "log_rule_lag",
        10.0,
        "Seconds that rules and metrics over log lines stay behind the clock, for lines on their way.",
        number(0, 3600),
    ),
    Spec(
        "log_rule_grace",
        3600.0,
        "Seconds after the first line of a service in which none of its patterns counts as new.",
        number(0, 2_592_000),
    ),
    Spec("log_metric_interval", 15.0, "Seconds between two samples of a metric made of log lines.", number(1, 3600)),
    Spec("log_metric_series", 1000, "Series that one metric made of log lines may have.", whole(1, 100_000)),
    Spec(
        "log_metric_late",
        3600.0,
        "Seconds that the time of a log line may differ from when it came in for metrics to count it.",
        number(60, 86_400),
    ),
    Spec("log_rule_new_patterns", 20, "New patterns that one rule tells of at a time.", whole(1, 1000)),
    Spec("log_rule_history_days", 7, "Days before that tell a rule what number of lines is usual.", whole(1, 60)),
    Spec("log_formats_max", 100, "Log formats that may be switched on.", whole(1, 10_000)),
    Spec("log_format_signs", 2000, "Signs that the pattern of a log format may have.", whole(100, 100_000)),
    Spec("log_format_groups", 50, "Named parts that the pattern of a log format may have.", whole(1, 1000)),
    Spec("log_format_states", 20_000, "States that the expression of a log format may take, about.", whole(100, 10**6)),
    Spec("log_format_seconds", 5.0, "Seconds that a log format may take for a batch of lines.", number(0.1, 600)),
    Spec("log_format_line", 4096, "Signs of a line that log formats look at.", whole(80, 10**6)),
    Spec("log_patterns_max", 100_000, "Log patterns that are told apart. Lines beyond have none.", whole(100, 10**7)),
    Spec("log_pattern_sample", 5000, "Lines that are taken apart to tell the values of a pattern.", whole(100, 10**6)),
    Spec("log_patterns_learned", 5000, "Kinds of log lines that one batch may bring anew.", whole(10, 10**6)),
    Spec(
        "log_record_lines", 1000, "Lines of text that one log record may have; a longer one is split.", whole(2, 10**6)
    ),
    Spec("retention_occurrences_days", 90, "Days that received alerts are kept.", whole(1, 3650)),
    Spec("retention_traces_days", 7, "Days that spans are kept.", whole(1, 3650)),
    Spec("retention_changes_days", 400, "Days that change events are kept.", whole(1, 3650)),
    Spec(
        "spool_max_mb",
        1024,
        "Telemetry that may wait on disk for the engine, MB. Beyond it senders get 429.",
        whole(1, 10_000_000),
    ),
    Spec("intake_max_body_mb", 16, "Largest request body that intake takes, MB, after decompression.", whole(1, 1024)),
    Spec("intake_errors_kept", 1000, "Rejected requests that are kept for the operator to see.", whole(10, 1_000_000)),
    Spec(
        "inbox_max", 200_000, "Signals that may wait in the inbox. Beyond it senders get 429.", whole(100, 100_000_000)
    ),
    Spec("import_max_mb", 200_000, "What an import of log files may unpack to in all, MB.", whole(1, 10**9)),
    Spec("import_max_ratio", 1000, "What one imported file may unpack to, times its size.", whole(2, 10**6)),
    Spec("import_max_files", 100_000, "Files that an import may find.", whole(1, 10**8)),
    Spec("import_max_nesting", 4, "How deep archives may lie in each other in an import.", whole(1, 20)),
    Spec("intake_anonymous", False, "Take telemetry without a token (for a closed network only).", flag),
    Spec(
        "intake_requests_per_second",
        2000,
        "Requests a second that intake takes of one token. Beyond it senders get 429.",
        whole(1, 1_000_000),
    ),
    Spec(
        "api_requests_per_minute",
        1200,
        "Requests a minute that the REST API takes of one token. Beyond it there is 429.",
        whole(1, 10_000_000),
    ),
    Spec(
        "tool_answer_bytes",
        200_000,
        "Bytes of one answer of a tool of /mcp or of 'mainstay mcp'; what is longer is cut, and says so.",
        whole(2_000, 10_000_000),
    ),
    Spec("tool_request_bytes", 1_000_000, "Bytes of one request to /mcp.", whole(2_000, 100_000_000)),
    Spec("syslog_udp_listen", "", "Address for syslog over UDP. Empty: off.", listen_or_off),
    Spec("syslog_tcp_listen", "", "Address for syslog over TCP. Empty: off.", listen_or_off),
    Spec("syslog_tls_listen", "", "Address for syslog over TLS. Empty: off.", listen_or_off),
    Spec("syslog_timezone", "UTC", "Time zone of syslog messages that name none.", zone),
    Spec("gelf_udp_listen", "", "Address for GELF over UDP. Empty: off.", listen_or_off),
    Spec("gelf_tcp_listen", "", "Address for GELF over TCP. Empty: off.", listen_or_off),
    Spec("gelf_tls_listen", "", "Address for GELF over TLS. Empty: off.", listen_or_off),
    Spec("forward_listen", "", "Address for Fluentd's forward protocol. Empty: off.", listen_or_off),
    Spec("forward_tls_listen", "", "Address for Fluentd's forward protocol over TLS. Empty: off.", listen_or_off),
    Spec("forward_shared_key", "", "Key that senders of forward must know. Empty: none.", text, secret=True),
    Spec("otlp_grpc_listen", "", "Address for OTLP over gRPC. Empty: off.", listen_or_off),
    Spec("otlp_grpc_tls_listen", "", "Address for OTLP over gRPC with TLS. Empty: off.", listen_or_off),
    Spec("intake_tls_cert", "", "File of the certificate (PEM, with its chain) of the listeners with TLS.", text),
    Spec("intake_tls_key", "", "File of the key (PEM) of that certificate.", text),
    Spec(
        "intake_tls_client_ca",
        "",
        "File of the authorities (PEM) that senders over TLS need a certificate of. Empty: they need none.",
        text,
    ),
    Spec("listener_max_connections", 1000, "Connections that one listener has at once.", whole(1, 100_000)),
    Spec(
        "listener_max_message_kb",
        1024,
        "Longest message of syslog and GELF, KB. A longer one is kept in pieces.",
        whole(1, 1_000_000),
    ),
    Spec("listener_idle_seconds", 900.0, "Seconds after which a silent connection is ended.", number(1, 604_800)),
    Spec(
        "listener_buffer_mb",
        16,
        "What a listener holds until it is on disk, MB. Beyond it connections wait and datagrams are dropped.",
        whole(1, 10_000),
    ),
    Spec(
        "rule_interval",
        5.0,
        "Seconds between two evaluations of a rule that names no interval of its own.",
        number(1, 3600),
    ),
    Spec("rule_lookback", 300.0, "Seconds that an instant selector looks back for a sample.", number(1, 86_400)),
    Spec(
        "rule_max_series",
        5000,
        "Series that one rule may return. Beyond it the rule fails, with this reason.",
        whole(1, 10_000_000),
    ),
    Spec(
        "scrape_interval",
        15.0,
        "Seconds between two scrapes of a target that names no interval of its own.",
        number(1, 3600),
    ),
    Spec("scrape_timeout", 5.0, "Seconds after which a scrape is given up.", number(0.1, 600)),
    Spec("scrape_max_mb", 32, "Largest exposition that a scrape reads, MB.", whole(1, 1024)),
    Spec("check_interval", 60.0, "Seconds between two runs of a check that names no interval.", number(1, 604_800)),
    Spec("check_timeout", 30.0, "Seconds that a run of a check may take that names no timeout.", number(0.1, 3600)),
    Spec("check_workers", 8, "Checks that run side by side.", whole(1, 256)),
    Spec("check_output_kb", 64, "What is kept of the output of a run, KB.", whole(1, 10_000)),
    Spec("check_runs_kept", 200, "Runs that are kept of each check.", whole(1, 100_000)),
    Spec(
        "check_user",
        "",
        "User of this machine that checks run as, for a worker that is root. Empty: the worker's own user.",
        text,
    ),
    Spec(
        "program_grace",
        2.0,
        "Seconds between asking a program of a check or of a runbook to end (TERM) and killing it (KILL). 0: at once.",
        number(0, 60),
    ),
    Spec("page_lease", 30.0, "Seconds that a sender holds an attempt before another may take it.", number(2, 3600)),
    Spec("page_retries", 6, "Tries to deliver a page through one contact method.", whole(1, 100)),
    Spec("page_senders", 4, "Deliveries that run side by side.", whole(1, 64)),
    Spec("send_timeout", 10.0, "Seconds after which a delivery is given up and tried again.", number(1, 300)),
    Spec("smtp_host", "", "Mail server that pages leave by. Empty: no mail.", text),
    Spec("smtp_port", 587, "Port of the mail server.", whole(1, 65_535)),
    Spec("smtp_security", "starttls", "starttls, tls or none.", text),
    Spec("smtp_user", "", "User name at the mail server, empty for none.", text),
    Spec("smtp_password", "", "Password at the mail server.", text, secret=True),
    Spec("smtp_from", "mainstay@localhost", "Sender address of mail.", text),
    Spec(
        "webhook_secret",
        "",
        "Key that signs outgoing webhooks (HMAC-SHA256). Empty: one made at first start.",
        text,
        secret=True,
    ),
    Spec(
        "outgoing_private",
        (),
        "Private addresses or networks that webhooks and scrapes may reach, for example 10.1.0.0/16 or 127.0.0.1.",
        names,
    ),
    Spec("sql_workers", 2, "Corrections that are carried out side by side.", whole(1, 16)),
    Spec(
        "sql_approval_hours",
        8.0,
        "Hours that an approval holds: of a correction, a job or a run of a runbook.",
        number(0.05, 24 * 14),
    ),
    Spec("sql_batch_max", 50_000, "Rows that one batch of a correction may have.", whole(1, 1_000_000)),
    Spec("sql_job_workers", 2, "Clean-up and archival jobs that run side by side.", whole(1, 16)),
    Spec("sql_job_batch_rows", 50_000, "Rows that a batch of a job has at most.", whole(1, 1_000_000)),
    Spec("sql_job_batch_ms", 200, "Milliseconds that a batch of a job aims at.", whole(10, 60_000)),
    Spec("sql_archive_dir", "", "Directory of archived rows. Empty: archives in the data directory.", text),
    Spec("backup_archives", True, "Whether a backup holds the archives of jobs.", flag),
    Spec("runbook_dir", "", "Directory of runbooks (*.md), such as a Git working copy. Empty: none.", text),
    Spec("runbook_dir_seconds", 30.0, "Seconds between two looks at runbooks that lie in files.", number(1, 86_400)),
    Spec("runbook_workers", 4, "Runs of runbooks that are carried out side by side.", whole(1, 64)),
    Spec("runbook_parallel", 100, "Targets that one run of a runbook works on at once.", whole(1, 1000)),
    Spec("runbook_max_targets", 1000, "Targets that one run of a runbook may have.", whole(1, 10_000)),
    Spec("runbook_step_timeout", 300.0, "Seconds that a step may take that names no timeout.", number(1, 86_400)),
    Spec("runbook_output_kb", 1024, "What is kept of the output of a step on a target, KB.", whole(8, 1_000_000)),
    Spec("runbook_search_mb", 50, "Output of runbooks that a search looks through, the newest, MB.", whole(1, 10_000)),
    Spec("runbook_user", "", "User of the system that steps run as on the worker. Empty: as the worker does.", text),
    Spec(
        "runbook_known_hosts",
        "",
        "File of the keys of hosts that runbooks reach. Empty: ssh/known_hosts in the data directory.",
        text,
    ),
    Spec(
        "runbook_auto_per_hour",
        10,
        "Runs in an hour that remedies begin by themselves, all together.",
        whole(0, 10_000),
    ),
    Spec("runbook_ssh_timeout", 15.0, "Seconds after which a connection to a host is given up.", number(1, 600)),
    Spec("runbook_dry_run_seconds", 20.0, "Seconds that a dry run of a runbook looks around.", number(1, 600)),
    Spec("retention_run_output_days", 180, "Days that the output of runbooks is kept.", whole(1, 3650)),
    Spec("ack_link_hours", 24, "Hours that the link in a page can acknowledge without sign-in.", whole(1, 720)),
    Spec(
        "sql_catalog_seconds",
        60.0,
        "Seconds for which the SQL desk remembers the tables and functions of a database.",
        number(0, 3600),
    ),
    Spec("sql_evidence_rows", 1000, "Rows that an answer pinned to an incident may have.", whole(1, 10_000)),
    Spec(
        "sql_statement_length", 50_000, "Characters that one statement at the SQL desk may have.", whole(100, 1_000_000)
    ),
    Spec(
        "sql_statement_tokens",
        8000,
        "Words and signs that one statement at the SQL desk may have; judging takes the longer the more there are.",
        whole(100, 100_000),
    ),
    Spec("config_interval", 900.0, "Seconds between two looks at a source of configuration.", number(10, 604_800)),
    Spec("config_timeout", 60.0, "Seconds that a look at a source of configuration may take.", number(1, 3600)),
    Spec("config_max_files", 20_000, "Files that a source of configuration may have.", whole(1, 1_000_000)),
    Spec("config_file_kb", 1024, "Size of a file of configuration of which the text is kept, KB.", whole(1, 100_000)),
    Spec("config_total_mb", 200, "Bytes that a source of configuration may have in all, MB.", whole(1, 10_000)),
    Spec("config_snapshots_kept", 500, "Looks at a source of configuration that are kept.", whole(2, 100_000)),
    Spec("release_watch_minutes", 30, "Minutes after a release until it is judged.", whole(8, 1440)),
    Spec("release_before_minutes", 60, "Minutes before a release that it is compared with.", whole(8, 1440)),
    Spec("diagnosis_enabled", True, "Diagnose incidents by itself as they go on.", flag),
    Spec("diagnosis_max_series", 5000, "Series that a diagnosis looks at.", whole(10, 100_000)),
    Spec(
        "diagnosis_max_lines",
        200_000,
        "Log lines that a diagnosis reads; of more, every n-th.",
        whole(1000, 10_000_000),
    ),
    Spec("escalation_lines", 50_000, "Log lines in a case for developers; of more, some.", whole(100, 10_000_000)),
    Spec("escalation_samples", 200_000, "Samples in a case; of more, whole series.", whole(1000, 10_000_000)),
    Spec("escalation_spans", 20_000, "Spans in a case, about; of more, whole traces.", whole(100, 10_000_000)),
    Spec("escalation_queries", 6, "Log searches in a case.", whole(1, 50)),
    Spec("escalation_rows", 20, "Rows of each answer in a case.", whole(1, 1000)),
    Spec("escalation_text", 2000, "Characters of a log line or a cell on the page of a case.", whole(100, 100_000)),
    Spec("escalation_patterns", 40, "Log patterns in a case, the most surprising first.", whole(1, 1000)),
    Spec("escalation_graphs", 6, "Graphs in a case.", whole(0, 50)),
    Spec("escalation_changes", 20, "Changes with their differences in a case, the latest first.", whole(0, 200)),
    Spec("escalation_affected", 20, "Ids of each kind in a case, the most frequent first.", whole(1, 1000)),
    Spec("escalation_max_mb", 25, "Size of the file of a case, MB.", whole(1, 1000)),
    Spec("escalation_days", 90, "Days that the file of a case is kept.", whole(1, 3650)),
    Spec(
        "escalation_build_seconds",
        150,
        "Seconds after which a case that is being built is taken again.",
        whole(20, 3600),
    ),
    Spec("escalation_tries", 3, "Times that building a case is tried while telemetry does not answer.", whole(1, 20)),
    Spec(
        "escalation_redact",
        ("cards", "secrets", "emails", "ibans"),
        "What is taken out of everything in a case: cards, secrets, emails, ibans.",
        names,
    ),
    Spec(
        "escalation_redact_expressions",
        (),
        "Regular expressions (RE2) whose finds are taken out of everything in a case: a list, or one a line.",
        expressions,
    ),
    Spec(
        "escalation_redact_fields",
        ("password", "secret", "token", "email", "phone", "iban", "card", "birth", "first_name", "last_name", "street"),
        "Parts of names of columns whose values are taken out of answers in a case.",
        names,
    ),
    Spec(
        "diagnosis_max_spans",
        200_000,
        "Spans that one diagnosis reads at most; where there are more, every n-th trace.",
        whole(1_000, 5_000_000),
    ),
    Spec("assistant_url", "", "Base address of a language model, as OpenAI's API has it; empty: there is none.", text),
    Spec("assistant_model", "", "Which model of it is asked.", text),
    Spec("assistant_key", "", "Its key, if it wants one.", text, secret=True),
    Spec("assistant_seconds", 120, "Seconds that one answer of the model may take.", whole(5, 900)),
    Spec("assistant_steps", 12, "Answers after which the model has to say what it knows.", whole(1, 50)),
    Spec("drill_shop", "", "Directory of the demo shop that drills break; empty: there is none to break.", text),
    Spec("drill_minutes", 60, "Minutes after which a drill ends by itself.", whole(5, 480)),
    Spec("report_shifts", ("06:00", "14:00", "22:00"), "Times of day at which shifts begin.", names),
    Spec(
        "report_flaps", 5, "Times that the same alert begins in a report's time for its rule to flap.", whole(2, 10_000)
    ),
    Spec("report_user_label", "reported_by", "Label of alerts that tell what users noticed.", text),
    Spec("release_season_weeks", 2, "Earlier weeks whose same hour a release is compared with.", whole(0, 8)),
    Spec("release_environment", "production", "Environment whose deployments in pipelines are releases.", text),
    Spec(
        "release_hook_secret",
        "",
        "Secret that signs webhooks of GitHub about deployments. Empty: they are refused.",
        text,
        secret=True,
    ),
    Spec("release_step_timeout", 10.0, "Seconds that a request of a release plan may take.", number(0.1, 60)),
    Spec("release_plan_seconds", 120.0, "Seconds for all steps of a release plan together.", number(1, 150)),
    Spec("release_answer_kb", 256, "Size of an answer that a release plan reads, KB.", whole(1, 10_000)),
    Spec("release_least_requests", 50, "Requests below which a release is not judged by errors.", whole(10, 10**6)),
    Spec("release_least_minutes", 6.0, "Minutes of samples below which a metric is not judged.", number(5, 720)),
    Spec("release_warm_up_minutes", 5.0, "Minutes after a release that are left aside at most.", number(0, 120)),
    Spec("release_error_share", 0.005, "Share of requests by which errors must grow to fail.", number(0.0001, 1)),
    Spec("release_least_latency_ms", 2.0, "Milliseconds by which durations must grow to fail.", number(0, 60_000)),
    Spec("release_log_new", 5, "Lines of a new pattern of errors that fail a release.", whole(1, 10**6)),
    Spec("release_log_more", 20, "Lines of a known pattern of errors that fail a release at least.", whole(1, 10**6)),
    Spec("release_log_times", 2.0, "Times as many as expected that these lines must be.", number(1, 1000)),
    Spec("release_max_series", 20_000, "Series of a service by which a release is judged.", whole(1, 1_000_000)),
    Spec("maintenance_max_hours", 72, "Hours that planned work may last at most.", whole(1, 24 * 31)),
    Spec("maintenance_lead_hours", 72, "Hours ahead in which work is drafted from its plan.", whole(1, 24 * 31)),
    Spec("maintenance_late_minutes", 10, "Minutes after which work that nobody began is late.", whole(1, 1440)),
    Spec(
        "maintenance_forgotten_minutes",
        120,
        "Minutes after its end at which work that nobody ended is ended by itself.",
        whole(1, 10_080),
    ),
    Spec(
        "sla_warn_fraction",
        0.75,
        "Share of an agreed time after which whoever has the incident is warned.",
        number(0.05, 1),
    ),
    Spec("slo_every_seconds", 60, "Seconds between two looks at the objectives.", whole(10, 3600)),
    Spec(
        "slo_settle_seconds",
        60,
        "Seconds after which samples are taken to have arrived; objectives are measured up to then.",
        whole(0, 3600),
    ),
    Spec("slo_backfill_days", 30, "Days back from which a new objective is measured.", whole(1, 92)),
    Spec(
        "slo_unknown_minutes",
        15,
        "Minutes without anything measured after which an objective is unknown.",
        whole(2, 60),
    ),
    Spec("silence_max_hours", 72, "Hours that a silence over alerts may last at most.", whole(1, 24 * 366)),
    Spec(
        "gate_emergency_minutes",
        60,
        "Minutes that a change against the calendar may go on after somebody called it an emergency.",
        whole(5, 1440),
    ),
    Spec("known_errors_max", 20_000, "Known errors that may be in use.", whole(1, 1_000_000)),
    Spec(
        "known_error_stale_days",
        180,
        "Days after which the owner of a known error is asked whether it is still true.",
        whole(1, 3650),
    ),
    Spec(
        "known_error_success_percent",
        50,
        "Share of uses that a workaround must have helped in, in percent, or its owner is asked about it.",
        whole(0, 100),
    ),
    Spec(
        "known_error_log_minutes",
        10,
        "Minutes after its beginning in which the log lines of an incident can tell a known error.",
        whole(1, 1440),
    ),
    Spec("known_error_guesses", 3, "Similar known errors that an incident shows as guesses. 0: none.", whole(0, 50)),
    Spec(
        "known_error_guess_percent",
        25,
        "How similar a known error must be to be shown as a guess, in percent.",
        whole(1, 100),
    ),
    Spec(
        "similar_max_incidents", 100_000, "Incidents that a new one is compared with, the latest.", whole(1, 1_000_000)
    ),
    Spec("similar_percent", 25, "How like an earlier incident must be to be shown, in percent.", whole(1, 100)),
    Spec("problem_recurrences", 3, "Incidents of one kind that make a problem proposed. 0: never.", whole(0, 100)),
    Spec("problem_recurrence_days", 30, "Days within which they are counted.", whole(1, 365)),
    Spec("problem_verify_days", 30, "Days without a recurrence after a fix until it is solved.", whole(1, 365)),
    Spec("action_remind_days", 3, "Days before an action is due on which its owner is reminded. 0: not.", whole(0, 60)),
    Spec("action_overdue_days", 7, "Days after which the owner of an overdue action is reminded again.", whole(1, 60)),
    Spec("tracker_timeout", 20.0, "Seconds that a call to a tracker of issues may take.", number(1, 120)),
    Spec("tracker_retries", 40, "Tries to tell a tracker something; 40 take some 75 minutes.", whole(1, 10_000)),
    Spec("tracker_answer_megabytes", 8, "Size of an answer of a tracker that is read, MB.", whole(1, 100)),
    Spec("tracker_attachment_megabytes", 20, "Size of a file attached to an issue, MB.", whole(1, 1000)),
    Spec(
        "tracker_poll_minutes",
        15,
        "Minutes after which a live issue that no webhook told of is looked at. 0: never.",
        whole(0, 10_080),
    ),
    Spec(
        "tracker_webhook_days",
        90,
        "Days that webhooks of trackers are remembered, so that none counts twice.",
        whole(1, 3650),
    ),
    Spec("session_hours", 24 * 14, "Hours that a sign-in lasts.", whole(1, 24 * 365)),
    Spec(
        "sign_in_tries",
        10,
        "Wrong sign-ins per address and account in 15 minutes before both must wait.",
        whole(3, 1000),
    ),
    Spec("default_timezone", "UTC", "Time zone of people who have set none.", text),
    Spec("currency", "EUR", "Currency that costs are shown in.", text),
    Spec("log_level", "info", "debug, info, warning or error.", text),
)

BY_NAME = {spec.name: spec for spec in SPECS}
