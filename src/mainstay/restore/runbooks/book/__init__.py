"""What a runbook is: a Markdown file with front matter and fenced steps, read, checked, shown and compared. Pure."""
