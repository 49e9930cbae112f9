"""Samples in, a container out: a short-lived process of its own, since PyAV brings FFmpeg with it.

Nothing of the parent imports it; `supervisor/loop/encoders.py` starts it.
"""
