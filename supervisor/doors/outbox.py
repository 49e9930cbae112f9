"""What is on its way to one client, in order of worth: answers, notes while there is room for them, audio.

Nothing here waits or writes: whoever carries the lines pulls as many as the client takes. Answers and
audio are never dropped: while too much of either waits, `is_full` says so and no more requests are read.
Notes are coalesced and dropped instead; an answer overtakes the audio of others, never its own.
"""

from collections import OrderedDict, deque
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from supervisor.doors import jsonrpc as rpc
from supervisor.doors.backlog import Backlog, Room

#: Answers that nobody reads; over it, no more of that client's lines are looked at.
UNREAD_BYTES: Final = 256 * 1024

#: Audio that nobody reads, in memory or not: half a minute of it at 24 kHz; over it, likewise.
UNHEARD_BYTES: Final = 1536 * 1024

#: Notes that wait; one more, and the oldest is dropped. `jobs/get` and `status` tell the same later.
MOST_NOTES: Final = 256

#: Samples of one `audio/chunk`: about a second, a line of 64 KiB, and base64 without padding.
CHUNK_BYTES: Final = 48 * 1024


class Sound:
    """The audio of one answer, and the answer itself behind it.

    Args:
        identity: Of the request, as JSON text.
        backlog: Keeps the samples.

    Attributes:
        rate_hz: Of the samples.
        last: The answer, once it is known.
        failure: Why samples were lost, where some were: the answer must say so.
    """

    def __init__(self, identity: bytes, backlog: Backlog) -> None:
        self.identity = identity
        self._seq = 0
        self.backlog = backlog
        self.rate_hz = 0
        self.last: bytes | None = None
        self.failure: OSError | None = None

    def chunk(self) -> bytes:
        """Return the next `audio/chunk` as a line."""
        pcm = self.backlog.take(CHUNK_BYTES)
        seq, self._seq = self._seq, self._seq + 1
        params = {"id": msgspec.Raw(self.identity), "seq": seq, "pcm_s16le": pcm, "sample_rate": self.rate_hz}
        return rpc.notification_line("audio/chunk", params)


def lost(failure: OSError) -> rpc.RpcError:
    """Return the answer to a request whose audio did not reach its client whole."""
    why = failure.strerror or str(failure)
    message = (
        f"the audio waited to be read, in a file, and that failed ({why}); read faster, or ask for a file"
    )
    return rpc.own_error("disk_full", message, retryable=True)


class Outbox:
    """Lines for one client.

    Args:
        room: For audio in memory, shared with other clients.
        folder: For audio that finds no room there.
        wake: Called when there is something to pull; often, so it should be cheap.
    """

    def __init__(self, room: Room, folder: Path, wake: Callable[[], None]) -> None:
        self._room = room
        self._folder = folder
        self._wake = wake
        self._lines: OrderedDict[str | int, bytes] = OrderedDict()
        self._notes: OrderedDict[str | int, None] = OrderedDict()
        self._line_bytes = 0
        self._sounds: deque[Sound] = deque()  # those that have something to say
        self._open: set[Sound] = set()
        self._count = 0

    @property
    def is_full(self) -> bool:
        """Whether its client should read before it asks for more."""
        return self._line_bytes > UNREAD_BYTES or self.audio_bytes > UNHEARD_BYTES

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to pull."""
        return not self._lines and not self._sounds

    @property
    def audio_bytes(self) -> int:
        """Samples that wait."""
        return sum(sound.backlog.waiting_bytes for sound in self._open)

    # ------------------------------------------------------------------ in

    def put(self, line: bytes) -> None:
        """Take a line that is kept, whatever happens."""
        self._count += 1
        self._add(self._count, line)

    def tell(self, line: bytes, about: str | None = None) -> None:
        """Take a line that may be dropped.

        Args:
            line: With its end.
            about: A later line about the same takes the place of one that still waits; None = of its own.
        """
        if about is not None and about in self._lines:
            self._line_bytes += len(line) - len(self._lines[about])
            self._lines[about] = line
            return
        if len(self._notes) >= MOST_NOTES:
            oldest, _ = self._notes.popitem(last=False)
            self._line_bytes -= len(self._lines.pop(oldest))
        self._count += 1
        key = self._count if about is None else about
        self._notes[key] = None
        self._add(key, line)

    def sound(self, identity: bytes) -> Sound:
        """Open what takes the audio of a request; `finish` closes it."""
        sound = Sound(identity, Backlog(self._room, self._folder))
        self._open.add(sound)
        return sound

    def hear(self, sound: Sound, pcm: bytes, rate_hz: int) -> None:
        """Take samples; those of a sound that is closed already are passed over.

        Raises:
            OSError: If there is no room for them, in memory or on disk.
        """
        if sound not in self._open or not pcm:
            return
        if not sound.backlog.waiting_bytes:
            self._sounds.append(sound)
        sound.rate_hz = rate_hz
        try:
            sound.backlog.put(pcm)
        finally:
            if not sound.backlog.waiting_bytes:
                self._sounds.remove(sound)
        self._wake()

    def finish(self, sound: Sound, line: bytes, *, drop: bool = False) -> None:
        """Take the answer that stands behind a sound.

        Args:
            sound: Of the request.
            line: The answer.
            drop: The audio that still waits is not wanted any more.
        """
        if drop:
            self.forget(sound)
        if sound.backlog.waiting_bytes:
            sound.last = line
        else:
            self._open.discard(sound)
            self.put(line)

    def forget(self, sound: Sound) -> None:
        """Drop what waits of a sound, and take no more of it."""
        self._open.discard(sound)
        if sound in self._sounds:
            self._sounds.remove(sound)
        sound.backlog.close()

    def close(self) -> None:
        """Drop everything; files go with it."""
        for sound in [*self._open]:
            self.forget(sound)
        self._lines.clear()
        self._notes.clear()
        self._line_bytes = 0

    # ------------------------------------------------------------------ out

    def pull(self, most_bytes: int) -> bytes:
        """Give lines out: about so many bytes, one line at least if there is any."""
        pieces: list[bytes] = []
        while most_bytes > 0 and not self.is_empty:
            line = self._next()
            pieces.append(line)
            most_bytes -= len(line)
        return b"".join(pieces)

    def _next(self) -> bytes:
        if self._lines:
            key, line = self._lines.popitem(last=False)
            self._notes.pop(key, None)
            self._line_bytes -= len(line)
            return line
        return self._next_of_sounds()

    def _next_of_sounds(self) -> bytes:
        """Return a chunk of the sound whose turn it is; its answer goes before whatever waits then."""
        sound = self._sounds.popleft()
        try:
            chunk = sound.chunk()
        except OSError as error:
            sound.failure = error
            self.forget(sound)
            return b"" if sound.last is None else rpc.error_line(sound.identity, lost(error))
        if sound.backlog.waiting_bytes:
            self._sounds.append(sound)
        elif sound.last is not None:
            self.forget(sound)
            return chunk + sound.last
        return chunk

    def _add(self, key: str | int, line: bytes) -> None:
        self._lines[key] = line
        self._line_bytes += len(line)
        self._wake()
