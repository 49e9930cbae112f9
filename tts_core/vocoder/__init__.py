"""Vocoders: mel frames in, samples out."""
