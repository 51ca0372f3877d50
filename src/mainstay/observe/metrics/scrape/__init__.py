"""Reading targets that expose metrics in Prometheus's text format."""
