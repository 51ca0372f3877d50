"""What a line of text says of itself, without anybody having described its format.

``read`` takes a frame of lines as they came and gives a frame of records: continuation lines joined to the record they
belong to (``joining``), headers, JSON, key=value pairs and access logs taken apart (``headers``, ``structured``),
moments and levels in one notation (``times``, ``levels``), stack traces as objects (``traces``). What none of them
knows is kept as it is, with the format ``raw``.
"""
