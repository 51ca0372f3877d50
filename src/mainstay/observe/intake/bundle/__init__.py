"""``mainstay import logs``: a bundle of log files, as a customer sends it, kept as intake keeps lines.

``unpack`` finds the files in folders and archives, ``blocks`` makes text of each in pieces that end where a
record ends, ``run`` keeps them and says what was understood.
"""
