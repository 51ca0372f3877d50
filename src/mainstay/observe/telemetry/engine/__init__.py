"""The embedded telemetry engine: chDB behind ClickHouse's HTTP interface, in a process of its own."""
