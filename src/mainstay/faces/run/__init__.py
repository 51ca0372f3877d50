"""The processes: web, worker, engine, and the supervisor of all three."""
