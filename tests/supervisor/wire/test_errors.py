"""Whose fault a wire error is."""

from supervisor.wire.errors import LocalError, PeerError, WireError


def test_a_fault_is_the_peers_or_our_own_and_never_both() -> None:
    assert issubclass(PeerError, WireError)
    assert issubclass(LocalError, WireError)
    assert not issubclass(PeerError, LocalError)
    assert not issubclass(LocalError, PeerError)
