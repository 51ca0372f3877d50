"""Examining data: judged reads with limits, masks, history, approval, and evidence."""
