"""What the protocols that listen on sockets of their own have in common."""
