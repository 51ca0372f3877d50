"""What a shift, a week or a month was like for a team, in figures that lead to their rows."""
