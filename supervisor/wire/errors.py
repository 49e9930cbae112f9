"""Whose fault a wire error is.

WireError
├── PeerError    the other end broke the contract: end its life
└── LocalError   this end was about to: a bug of ours
"""


class WireError(Exception):
    """Base of the wire's errors; the message says what was seen."""


class PeerError(WireError):
    """The other end sent something damaged, oversized, unknown or out of turn."""


class LocalError(WireError):
    """This end tried to send something that the contract forbids."""
