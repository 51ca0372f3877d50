"""What a case is made of, read from the rooms below, before it is cleaned."""
