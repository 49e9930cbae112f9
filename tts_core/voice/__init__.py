"""Voices: what is kept of a reference recording."""
