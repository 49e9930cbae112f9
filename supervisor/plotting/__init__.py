"""Recorded traces as a picture: a short-lived process of its own, for matplotlib brings numpy with it."""
