"""Where everything that others send comes in."""
