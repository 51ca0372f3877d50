"""The telemetry store: its tables, its client, its spool and the embedded engine."""
