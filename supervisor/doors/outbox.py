"""What is on its way to one client, in order of worth: answers, notes while there is room for them, audio.

Nothing here waits or writes: whoever carries the lines pulls as many as the client takes. Answers and
audio are never dropped: while too much of either waits, `is_full` says so and no more requests are read.
Notes are coalesced and dropped instead; an answer overtakes the audio of others, never its own.
"""

from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Final

import msgspec

from supervisor.doors import jsonrpc as rpc
from supervisor.doors.backlog import BLOCK_BYTES, Backlog, Room

#: Answers that nobody reads; over it, no more of that client's lines are looked at.
UNREAD_BYTES: Final = 256 * 1024

#: Answers that one client has waiting in memory; more wait where audio does.
KEPT_BYTES: Final = 16 * 1024

#: Audio that nobody reads, in memory or not: half a minute of it at 24 kHz; over it, likewise.
UNHEARD_BYTES: Final = 1536 * 1024

#: Notes that wait; one more, and the oldest is dropped. `jobs/get` and `status` tell the same later.
MOST_NOTES: Final = 256

#: Samples of one `audio/chunk`: half a second at 24 kHz, a line of 32 KiB, and base64 without padding. One
#: such line is in the buffer of a connection that nobody reads.
CHUNK_BYTES: Final = BLOCK_BYTES


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
    """Return the answer to a request where what comes of it did not reach its client whole."""
    why = failure.strerror or str(failure)
    message = (
        f"what was said waited to be read, in a file, and that failed ({why}); read faster, or ask for a file"
    )
    return rpc.own_error("disk_full", message, retryable=True)


class Outbox:
    """Lines for one client.

    Args:
        room: For what waits, shared with other clients.
        wake: Called when there is something to pull; often, so it should be cheap.
    """

    def __init__(self, room: Room, wake: Callable[[], None]) -> None:
        self._room = room
        self._wake = wake
        # A line, or the length of one that was put aside.
        self._lines: OrderedDict[str | int, bytes | int] = OrderedDict()
        self._aside = Backlog(room)
        self._notes: OrderedDict[str | int, None] = OrderedDict()
        self._line_bytes = 0
        self._kept_bytes = 0  # of them, those in memory of their own
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
        if self._kept_bytes + len(line) > KEPT_BYTES:
            self._add(self._count, self._put_aside(line))
        else:
            self._add(self._count, line)

    def tell(self, line: bytes, about: str | None = None) -> None:
        """Take a line that may be dropped.

        Args:
            line: With its end.
            about: A later line about the same takes the place of one that still waits; None = of its own.
        """
        if about is not None and about in self._lines:
            self._count_in(line)
            self._count_out(self._lines[about])
            self._lines[about] = line
            return
        if len(self._notes) >= MOST_NOTES:
            oldest, _ = self._notes.popitem(last=False)
            self._count_out(self._lines.pop(oldest))
        self._count += 1
        key = self._count if about is None else about
        self._notes[key] = None
        self._add(key, line)

    def sound(self, identity: bytes) -> Sound:
        """Open what takes the audio of a request; `finish` closes it."""
        sound = Sound(identity, Backlog(self._room))
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
        """Drop everything, and wake nobody any more."""
        self._wake = _nothing
        for sound in [*self._open]:
            self.forget(sound)
        self._aside.close()
        self._lines.clear()
        self._notes.clear()
        self._line_bytes = self._kept_bytes = 0

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
            self._count_out(line)
            return line if isinstance(line, bytes) else self._read_back(line)
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

    # ------------------------------------------------------------------ lines

    def _add(self, key: str | int, line: bytes | int) -> None:
        self._lines[key] = line
        self._count_in(line)
        self._wake()

    def _put_aside(self, line: bytes) -> bytes | int:
        try:
            self._aside.put(line)
        except OSError:
            return line  # an answer is kept, if need be here
        return len(line)

    def _read_back(self, count: int) -> bytes:
        try:
            return self._aside.take_whole(count)
        except OSError as error:
            self._aside.close()
            return rpc.error_line(rpc.NO_ID, lost(error))  # whose answer it was is lost with it

    def _count_in(self, line: bytes | int, sign: int = 1) -> None:
        if isinstance(line, bytes):
            self._kept_bytes += sign * len(line)
            self._line_bytes += sign * len(line)
        else:
            self._line_bytes += sign * line

    def _count_out(self, line: bytes | int) -> None:
        self._count_in(line, -1)


def _nothing() -> None:
    pass
