"""What is on its way to one client: events in the order in which they were told, audio among them.

Nothing here waits. What a client does not read lies in memory that all clients share, then in a file without
a name (`supervisor/doors/backlog.py`): it costs disk, and nobody else's time.
"""

from collections.abc import Callable
from typing import Final

from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.event import Event

from supervisor.doors.backlog import Backlog, Room
from supervisor.doors.wyoming.frames import written

#: That nobody reads; over it no more is looked at of what the client says, and no more is spoken for it. Half
#: a minute of audio at 24 kHz, as at the other doors.
UNREAD_BYTES: Final = 1536 * 1024

#: Samples of one `audio-chunk`, as wyoming-piper sends them: small devices have buffers for that.
CHUNK_SAMPLES: Final = 1024

_WIDTH_BYTES: Final = 2
#: Some seconds, written at once.
_SILENCE: Final = bytes(64 * CHUNK_SAMPLES * _WIDTH_BYTES)


class Outgoing:
    """Events for one client.

    Args:
        room: For what waits, in memory and beyond it on disk; shared with other clients.
        wake: Called when there is something to pull.
    """

    def __init__(self, room: Room, wake: Callable[[], None]) -> None:
        self._backlog = Backlog(room)
        self._wake = wake
        self._rate_hz = 0  # 0 = no audio is open
        self._samples = 0

    @property
    def is_full(self) -> bool:
        """Whether the client should read before it asks for more."""
        return self._backlog.waiting_bytes > UNREAD_BYTES

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to pull."""
        return not self._backlog.waiting_bytes

    def put(self, event: Event) -> None:
        """Take an event.

        Raises:
            OSError: If there is no room for it, in memory or on disk.
        """
        self._backlog.put(written(event))
        self._wake()

    def audio(self, pcm: bytes, rate_hz: int, *, silence_s: float = 0.0) -> None:
        """Take 16-bit mono samples: the first ones open the audio, so that none is ever empty.

        Args:
            pcm: Samples.
            rate_hz: Theirs; the same until `end_audio`.
            silence_s: Before them.

        Raises:
            OSError: Likewise.
        """
        if not self._rate_hz:
            self._rate_hz, self._samples = rate_hz, 0
            self.put(AudioStart(rate=rate_hz, width=_WIDTH_BYTES, channels=1, timestamp=0).event())
        for count in _cut(round(silence_s * rate_hz) * _WIDTH_BYTES, len(_SILENCE)):
            self._backlog.put(self._chunks(_SILENCE[:count]))
        if pcm:
            self._backlog.put(self._chunks(pcm))
        self._wake()

    def end_audio(self) -> None:
        """End the audio that is open; where none is, nothing is told.

        Raises:
            OSError: Likewise.
        """
        if self._rate_hz:
            self.put(AudioStop(timestamp=self._at_ms()).event())
            self._rate_hz = 0

    def break_audio(self) -> None:
        """Leave the audio that is open as it is, without an end: what comes next is other audio."""
        self._rate_hz = 0

    def pull(self, most_bytes: int) -> bytes:
        """Return what comes next, at most so much; none only if there is none.

        Raises:
            OSError: If what lies on the disk cannot be read.
        """
        pieces: list[bytes] = []
        while most_bytes > 0 and (piece := self._backlog.take(most_bytes)):
            pieces.append(piece)
            most_bytes -= len(piece)
        return b"".join(pieces)

    def close(self) -> None:
        """Drop everything."""
        self._backlog.close()

    def _chunks(self, pcm: bytes) -> bytes:
        frames: list[bytes] = []
        at = 0
        for count in _cut(len(pcm), CHUNK_SAMPLES * _WIDTH_BYTES):
            frames.append(written(self._chunk(pcm[at : at + count])))
            at += count
        return b"".join(frames)

    def _chunk(self, pcm: bytes) -> Event:
        chunk = AudioChunk(
            audio=pcm, rate=self._rate_hz, width=_WIDTH_BYTES, channels=1, timestamp=self._at_ms()
        )
        self._samples += len(pcm) // _WIDTH_BYTES
        return chunk.event()

    def _at_ms(self) -> int:
        return self._samples * 1000 // self._rate_hz


def _cut(length: int, most: int) -> list[int]:
    """Return the lengths of the parts that something becomes, each as long as may be."""
    whole, rest = divmod(length, most)
    return [most] * whole + ([rest] if rest else [])
