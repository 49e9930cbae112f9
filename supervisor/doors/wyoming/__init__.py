"""Wyoming, as Home Assistant speaks it: over TCP, a unix socket, or standard input and output."""
