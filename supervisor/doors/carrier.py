"""What carries a client's bytes, and what such a client is, whatever it speaks."""

from typing import Protocol


class Carrier(Protocol):
    """Carries the bytes of one client."""

    def pause_reading(self) -> None:
        """Bring no more for now; again, nothing happens."""
        ...

    def resume_reading(self) -> None:
        """Go on; again, nothing happens."""
        ...

    def wake(self) -> None:
        """Pull what there is for the client, soon; called often."""
        ...

    def done(self) -> None:
        """Take that there is nothing left to say, once all that waits is pulled; called more than once."""
        ...


class Carried(Protocol):
    """One client, as what carries its bytes knows it."""

    def feed(self, data: bytes) -> None:
        """Take what the client said."""
        ...

    def end(self) -> None:
        """Take the end of what it says: it may still read."""
        ...

    def hang_up(self) -> None:
        """Take that it neither says nor reads anything any more; again, nothing happens."""
        ...

    def pull(self, most_bytes: int) -> bytes:
        """Return what comes next for the client, about so many bytes; none if there is none.

        Raises:
            OSError: If it lies on the disk and cannot be read: the client must be let go.
        """
        ...

    @property
    def has_more(self) -> bool:
        """Whether there is something to pull."""
        ...

    @property
    def is_owed(self) -> bool:
        """Whether it waits for something and still listens."""
        ...
