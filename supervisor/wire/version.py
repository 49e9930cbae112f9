"""The version, as a constant: asking `importlib.metadata` costs 20 ms of every start."""

VERSION = "0.1.0"
