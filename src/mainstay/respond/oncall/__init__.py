"""Who is to be told, and when the next one."""
