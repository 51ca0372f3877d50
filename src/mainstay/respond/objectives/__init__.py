"""Objectives measured: what went well minute by minute, what is left of the budget, and alerts when it burns."""
