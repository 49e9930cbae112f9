"""Doors: one protocol a file, each turning its requests into the calls of `supervisor.loop.service`."""
