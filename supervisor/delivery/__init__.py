"""Segments into the finished file: a short-lived process of its own."""
