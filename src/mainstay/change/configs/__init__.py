"""How production is configured: looked at again and again, secrets taken out, differences kept and told."""
