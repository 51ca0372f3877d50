"""Clean-up and archival jobs: old rows leave a table batch by batch, each batch proven, none lost, none doubled."""
