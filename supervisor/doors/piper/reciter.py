"""Speak the lines of a Piper program, one after the other, each when it comes."""

import os
from pathlib import Path
from typing import Final, Protocol

from supervisor.doors.lines import Unkept
from supervisor.doors.piper.lines import BadLine, Wish, read_line
from supervisor.doors.piper.outlets import FileSink, Namer, NoSink, RawSink, Sink, WavSink
from supervisor.doors.piper.sentences import requests_of
from supervisor.doors.piper.stdout import Stdout
from supervisor.doors.piper.terms import Mode, Terms
from supervisor.doors.piper.voices import Candidate, candidates
from supervisor.errors import SupervisorError
from supervisor.loop.plainaudio import SAMPLE_BYTES
from supervisor.loop.service import CannotAsk
from supervisor.loop.speaking import OnAudio, Speech, SpeechRequest

#: Samples that may wait for a reader while the next line is spoken: some minutes.
_AHEAD_BYTES: Final = 8 * 1024 * 1024

#: What costs one line and no more.
_FAILURES: Final = (BadLine, SupervisorError, OSError, ValueError)


class Speaks(Protocol):
    """Who is asked: a service, here or elsewhere."""

    async def synthesize(self, request: SpeechRequest, on_audio: OnAudio | None = None) -> Speech:
        """Speak an utterance; see `Service`."""
        ...


class Source(Protocol):
    """Where lines come from."""

    async def next(self) -> bytes | Unkept | None:
        """Return the next; None after the last."""
        ...


class People(Protocol):
    """Who is told how it goes."""

    def failed(self, text: str) -> None:
        """Take what was not spoken, and why."""
        ...

    def remark(self, text: str) -> None:
        """Take what is worth knowing."""
        ...


class Ends(Exception):
    """Who is asked ends: no line will be spoken any more."""


class Reciter:
    """Does what one command line asks for."""

    def __init__(self, terms: Terms, source: Source, stdout: Stdout, speaks: Speaks, people: People) -> None:
        """Begin with the first line.

        Args:
            terms: What is asked for.
            source: Of lines.
            stdout: Takes paths or audio.
            speaks: Is asked.
            people: Are told.
        """
        self._terms = terms
        self._source = source
        self._stdout = stdout
        self._speaks = speaks
        self._people = people
        self._number = 0
        self._failed = 0
        self._told: set[str] = set()
        self._namer = Namer(terms.path, by_text=terms.by_text)
        self._is_audio_out = terms.mode in {"raw", "wav"}

    async def run(self) -> bool:
        """Speak until the last line, or until nobody reads what comes of it; return whether all went well.

        Raises:
            Ends: If lines are left, and who speaks them ends.
        """
        if not self._terms.json and self._terms.mode in {"file", "wav"}:
            await self._all_as_one()
        else:
            while not self._is_unheard() and (line := await self._source.next()) is not None:
                await self._one(line)
        await self._stdout.written()
        return not self._failed

    def _is_unheard(self) -> bool:
        return self._stdout.broken and self._is_audio_out

    # ------------------------------------------------------------------ lines

    async def _one(self, line: bytes | Unkept) -> None:
        wish = self._read(line)
        if wish is None:
            return
        try:
            await self._speak(wish)
        except _FAILURES as error:
            self._fail(error)
        # A program may send its next line only when it has the path of this one.
        await self._stdout.below(_AHEAD_BYTES if self._terms.mode == "raw" else 0)

    async def _all_as_one(self) -> None:
        """Speak all lines as one text, joined by spaces: a file for each would replace the one before."""
        texts: list[str] = []
        while (line := await self._source.next()) is not None:
            wish = self._read(line)
            texts += [] if wish is None else [wish.text]
        self._number = 0
        if not texts:
            self._fail(BadLine("nothing to speak"))
            return
        try:
            await self._speak(Wish(text=" ".join(texts)))
        except _FAILURES as error:
            self._fail(error)

    def _read(self, line: bytes | Unkept) -> Wish | None:
        self._number += 1
        try:
            return read_line(line, json=self._terms.json)
        except BadLine as error:
            self._fail(error)
            return None

    def _fail(self, error: Exception) -> None:
        if isinstance(error, CannotAsk) and error.kind == "shutting_down":
            raise Ends(str(error)) from error
        self._failed += 1
        self._people.failed(f"line {self._number}: {error}" if self._number else str(error))

    def _note(self, text: str) -> None:
        """Say something once: a thousand lines may ask for the same."""
        if text not in self._told:
            self._told.add(text)
            self._people.remark(text)

    # ------------------------------------------------------------------ one line

    async def _speak(self, wish: Wish) -> None:
        sink = self._sink(wish)
        try:
            rate_hz = await self._spoken(wish, sink)
            path = sink.end(rate_hz)
        finally:
            sink.discard()
        if path is not None and self._is_audio_out:
            self._people.remark(path)  # among samples it would be noise
        elif path is not None:
            self._stdout.put(os.fsencode(path) + b"\n")

    def _sink(self, wish: Wish) -> Sink:
        mode, path = self._mode(wish)
        match mode:
            case "raw":
                return RawSink(self._stdout)
            case "wav":
                return WavSink(self._stdout, self._terms.folder)
            case "folder":
                return FileSink(self._namer.name(wish.text))
            case "file":
                return NoSink() if str(path) == os.devnull else FileSink(path)

    def _mode(self, wish: Wish) -> tuple[Mode, Path]:
        """Return where a line goes: its own file, else as the command line says."""
        if wish.output_file is None:
            if self._terms.mode == "file" and self._terms.json and self._number > 1:
                self._note(f"{self._terms.path}: each line without an output_file replaces the one before")
            return self._terms.mode, self._terms.path
        if wish.output_file in {"-", "/dev/stdout"}:
            raise BadLine("its output_file is standard output, where paths go; use -f - or --output-raw")
        return "file", Path(wish.output_file)

    async def _spoken(self, wish: Wish, sink: Sink) -> int:
        """Have all parts of a line spoken; return their rate."""
        silence_s = self._terms.sentence_silence_s
        parts = requests_of(wish.text, by_sentence=silence_s is not None)
        if not parts:
            raise BadLine("nothing to speak in it; give it letters or digits")
        rates_hz: set[int] = set()
        for number, part in enumerate(parts):
            if number and silence_s:
                (rate_hz,) = rates_hz
                sink.take(bytes(SAMPLE_BYTES * round(silence_s * rate_hz)))
            speech = await self._by_a_voice(part, wish.who or self._terms.speaker, sink)
            rates_hz.add(speech.sample_rate)
        if len(rates_hz) > 1:
            raise BadLine(f"parts of it came at {sorted(rates_hz)} Hz: the engine changed; send it again")
        return rates_hz.pop()

    async def _by_a_voice(self, text: str, speaker: str | None, sink: Sink) -> Speech:
        """Have it spoken by the first voice of those that may be meant that there is."""
        choices = candidates(self._terms.model, speaker, self._terms.voices)
        first: CannotAsk | None = None
        for choice in choices:
            request = SpeechRequest(text=text, voice=choice.name, audio="inline")
            try:
                speech = await self._speaks.synthesize(request, lambda pcm, _: sink.take(pcm))
            except CannotAsk as error:
                if error.kind != "voice_not_found":
                    raise
                first = first or error
            else:
                self._tell_stand_in(choice, choices[0])
                return speech
        assert first is not None, "there is always one to try"
        raise first

    def _tell_stand_in(self, chosen: Candidate, first: Candidate) -> None:
        why = chosen.why or (f"no voice {first.name!r} here" if chosen is not first else "")
        if why:
            name = f"the voice {chosen.name!r}" if chosen.name else "the engine's own voice"
            self._note(f"{why}: {name} speaks instead; piper.voices in the configuration can name another")
