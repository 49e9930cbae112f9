"""Memory and restart policies: pure, each alone in its file, strangers to one another."""
