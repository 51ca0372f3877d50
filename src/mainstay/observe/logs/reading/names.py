"""What loggers and shippers call the fields of a record, the surest name first.

The names are those of the Elastic Common Schema, OpenTelemetry, journald, logstash, Bunyan, pino, zap, structlog,
Serilog and Docker.
"""

MESSAGE = (
    *("message", "msg", "log", "MESSAGE", "short_message", "body", "text", "event.original", "line", "event"),
    *("@m", "@mt"),
)
TIME = (
    *("@timestamp", "timestamp", "time", "ts", "datetime", "date", "asctime", "created", "eventTime", "timeMillis"),
    *("@t", "t"),
)
LEVEL = ("log.level", "level", "severity", "severity_text", "levelname", "loglevel", "log_level", "lvl", "@l")
SERVICE = ("service.name", "service_name", "service", "app.name", "app_name", "application", "app", "appname")
HOST = ("host.name", "hostname", "host", "HOSTNAME", "host.hostname", "agent.hostname")
TRACE = ("trace.id", "trace_id", "traceId", "traceid", "traceID", "otelTraceID", "dd.trace_id", "@tr")
SPAN = ("span.id", "span_id", "spanId", "spanid", "spanID", "otelSpanID", "dd.span_id", "@sp")
STACK = (
    *("exception.stacktrace", "error.stack_trace", "error.stack", "err.stack", "stack_trace", "stacktrace", "stack"),
    *("exc_info", "exc_text", "traceback", "@x"),
)
