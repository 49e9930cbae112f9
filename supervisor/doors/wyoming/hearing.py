"""What the events of one client ask for: they become orders for its speaker, in their order."""

from collections import deque
from collections.abc import Callable
from typing import Final

from wyoming.event import Event
from wyoming.ping import Pong

from supervisor.doors.wyoming import asked
from supervisor.doors.wyoming.asked import Named, Pinged
from supervisor.doors.wyoming.desk import Desk
from supervisor.doors.wyoming.frames import Frame
from supervisor.doors.wyoming.offered import PROGRAM
from supervisor.doors.wyoming.reading import Piece, Reading, slices
from supervisor.doors.wyoming.speaker import Speaker


class _Failed:
    """Stands for a stream that failed: the rest of it is passed over."""


_FAILED: Final = _Failed()


class Hearing:
    """One client's.

    Args:
        desk: Shared with others.
        speaker: Takes the orders.
        tell: Takes events that are told at once.
        describe: Called for `describe`.
    """

    def __init__(
        self, desk: Desk, speaker: Speaker, tell: Callable[[Event], None], describe: Callable[[], None]
    ) -> None:
        self._desk = desk
        self._speaker = speaker
        self._tell = tell
        self._describe = describe
        self._stream: Reading | _Failed | None = None
        self._slices: deque[tuple[Reading, str | None]] = deque()  # None = the text's end

    @property
    def is_behind(self) -> bool:
        """Whether there is text that was heard and not looked at yet."""
        return bool(self._slices)

    def catch_up(self) -> None:
        """Look at some of that text.

        Raises:
            CannotAsk: If it cannot be spoken.
        """
        reading, text = self._slices.popleft()
        self._speaker.take(reading, reading.finish() if text is None else reading.feed(text))

    def take(self, frame: Frame) -> None:
        """Take an event.

        Raises:
            WrongData: If its data is not what such an event has.
            CannotAsk: If what it asks for cannot be done.
        """
        match frame.type:
            case asked.DESCRIBE:
                self._describe()
            case asked.PING:
                self._tell(Pong(text=frame.read(Pinged).text).event())
            case asked.SELECT:
                self._select(frame.read(Named).name)
            case asked.SYNTHESIZE if self._stream is None:
                self._synthesize(frame)
            case asked.START:
                self._begin(frame)
            case asked.CHUNK | asked.STOP:
                self._go_on(frame)
            case _:
                pass  # among them the whole text again, within a stream: for services that know no streams

    def forget(self, request: object) -> None:
        """Take that a request failed: the rest of it is passed over."""
        self._slices = deque(each for each in self._slices if each[0] is not request)
        if self._stream is request:
            self._stream = _FAILED

    def lose_thread(self) -> None:
        """Take that something could not be understood: a stream that it is in has failed."""
        if self._stream is not None:
            self._stream = _FAILED

    def clear(self) -> None:
        """Forget all."""
        self._slices.clear()

    # ------------------------------------------------------------------ events

    def _select(self, name: str | None) -> None:
        if name != PROGRAM:
            raise asked.refused(f"select-program: there is {PROGRAM!r} here, and no {(name or '')[:40]!r}")

    def _synthesize(self, frame: Frame) -> None:
        text, voice = asked.text_of(frame), self._voice(frame)
        if self._desk.manner.sentence_silence_s is None:
            self._speaker.take(frame, [Piece(text=text, voice=voice)])
        else:
            self._cut(Reading(voice, self._desk.manner, is_stream=False), text, is_whole=True)

    def _begin(self, frame: Frame) -> None:
        if self._stream is not None:
            raise asked.refused(f"{frame.type}: within a stream; end that first")
        self._stream = _FAILED  # until it is known to be one that can be spoken
        self._stream = Reading(self._voice(frame), self._desk.manner, is_stream=True)

    def _go_on(self, frame: Frame) -> None:
        stream, is_whole = self._stream, frame.type == asked.STOP
        if stream is None:
            raise asked.refused(f"{frame.type}: there is no stream; begin one with {asked.START}")
        text = "" if is_whole else asked.text_of(frame)
        if is_whole:
            self._stream = None
        if isinstance(stream, Reading):
            self._cut(stream, text, is_whole=is_whole)

    def _voice(self, frame: Frame) -> str | None:
        return asked.voice_of(asked.speech_of(frame).voice, self._desk.voices)

    def _cut(self, reading: Reading, text: str, *, is_whole: bool) -> None:
        self._slices.extend((reading, piece) for piece in slices(text))
        if is_whole:
            self._slices.append((reading, None))
