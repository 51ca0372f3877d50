"""The ways to reach a person: one directory each, registered here.

A channel is a module with ``NAME``, ``LABEL``, ``HINT``, ``check(address)``, ``mask(address)`` and
``send(message, address, key)``; ``tests/test_channels.py`` holds them all to the same contract.
"""

from types import ModuleType

from mainstay.respond.paging.channels import chat, mail, web, webhook

_ALL = (mail, web, webhook, chat)
CHANNELS: dict[str, ModuleType] = {module.NAME: module for module in _ALL}
