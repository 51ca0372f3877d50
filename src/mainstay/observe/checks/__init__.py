"""Health checks as scripts: programs that say by their exit code whether something is well, as Nagios plugins do."""
