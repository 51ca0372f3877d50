"""Who outside of the team is told what happens to the business, and what they were told."""
