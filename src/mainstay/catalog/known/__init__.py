"""Known errors: failures that were seen before, how they are recognised, and what helps until they are fixed for good.

``signature`` says what one looks like, ``index`` finds those that an alert looks like, ``similar`` those that it may
resemble, ``staleness`` those that somebody should look at again. What matched which incident is known to ``respond``.
"""
