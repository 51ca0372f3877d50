"""Patterns of log lines: what stays of a message when the parts that vary are taken out.

Four steps, each in a module of its own. ``shapes`` takes a message apart and puts a gap wherever a value stands by its
looks (``values`` knows the looks). ``grouping`` finds the words that vary although they look like words. ``templates``
writes the text of a pattern from its words and from samples of what stood in its gaps. ``miner`` does this for lines as
they arrive, and gives each pattern a number that it keeps.

What came before, and what was taken from it: the fixed tree of Drain (He et al., ICWS 2017), the evidence from
positions of IPLoM (Makanju et al., KDD 2009) and Brain (Yu et al., TSC 2023), and the account of what people hold to be
a variable in Khan et al., ICSE 2022. What differs: values are found by their looks first, whole ones before their parts
(an address with its port, a size with its unit, a request target), so that few words are left to statistics.
"""
