"""Whether a service can be supported at 3 a.m.: a list that fills itself from what is seen, scored, with advice."""
