"""The ground floor: time, identity, settings, the inbox, access and audit. It knows nothing of the work above."""
