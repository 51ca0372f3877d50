"""``mainstay tail``: follow log files on a host and send their lines, each at least once."""
