"""Hand an incident to those who can change the code: a case that is complete, whoever reads it, and its way back."""
