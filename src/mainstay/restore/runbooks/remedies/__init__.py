"""Books that run by themselves when a known error or a rule asks for them: inside limits, behind a breaker."""
