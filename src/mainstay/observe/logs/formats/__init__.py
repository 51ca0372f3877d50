"""Formats that a person describes, where what lines say of themselves is not enough.

A pattern (``pattern``, with the names of ``names``) becomes one regular expression; ``apply`` lays what it finds over
what was read of a batch without it, ``trying`` shows what it makes of single lines, ``draft`` begins one from a line.
"""
