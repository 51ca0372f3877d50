"""The calendar of maintenance windows, freezes and business events, and the gate that asks it before a change."""
