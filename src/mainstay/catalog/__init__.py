"""What is watched and for whom."""
