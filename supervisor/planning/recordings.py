"""Where the recordings of a plan are: found, hashed, and kept so that the job has them for good.

What is written in a line is a path; what a job speaks with is content. Three ways to get from one to the
other, all alike to the planner:

    Read      a job is planned: read, and copied into the state folder (of a dry run: read alone)
    Passed    the engine clones no voice: not even looked for
    Stored    a chapter is cut anew: what was found when the job was planned stays as it was found
"""

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from supervisor.edge.recordings import RecordingStore, UnreadableRecording, hash_recording, recording_name
from supervisor.edge.voices import ClonedVoice, VoiceShelf
from supervisor.errors import InputError, UsageError
from supervisor.narration.jsonl import LineError
from supervisor.narration.plan import Recording, VoiceSpec


class Recordings(Protocol):
    """Finds what a plan speaks with."""

    @property
    def notices(self) -> Sequence[str]:
        """Sentences for people about what was not found as it was asked for."""
        ...

    def find(self, folder: Path, path: str) -> Recording:
        """Return a recording.

        Args:
            folder: Of the document that names it.
            path: As written.

        Raises:
            LineError: If it cannot be read.
        """
        ...

    def voice(self, name: str) -> VoiceSpec | None:
        """Return a cloned voice; None = the name must be one of the engine's.

        Raises:
            LineError: If its recording cannot be read.
        """
        ...


def settled(asked: VoiceSpec, recordings: Recordings) -> VoiceSpec:
    """Return a job's voice with its recording found.

    Raises:
        InputError: If it cannot be read.
        UsageError: If there are two.
    """
    try:
        cloned = recordings.voice(asked.name) if asked.name else None
        if asked.reference_path is None:
            return cloned or asked
        # As the ledger has it, its path is that of the copy: it is known by where it came from.
        if asked.origin and (again := recordings.voice(asked.origin)):
            return again
        found = recordings.find(Path("/"), asked.origin or asked.reference_path)
    except LineError as error:
        raise InputError(str(error)) from error
    if cloned is not None:
        raise UsageError(f"the voice {asked.name!r} has a recording of its own; leave the other out")
    return msgspec.structs.replace(
        asked, reference_path=found.path, reference_sha256=found.sha256, origin=found.origin
    )


def places(folder: Path, path: str, here: Path) -> tuple[str, str]:
    """Return where a recording may lie: beside the document, then where the command ran (`here`).

    GLM-TTS's own examples are written to be run from its checkout. Links stay as the user wrote them.
    """
    beside, there = os.path.abspath(folder / path), os.path.abspath(here / path)  # noqa: PTH100 -- see above
    return beside, there


class Passed:
    """For engines that clone no voice: a path stays a path."""

    notices: Sequence[str] = ()

    def find(self, folder: Path, path: str) -> Recording:
        """Return the path as it is."""
        beside, _ = places(folder, path, folder)
        return Recording(origin=beside, path=beside, sha256=None)

    def voice(self, name: str) -> None:
        """Know no cloned voice."""
        del name


class Stored:
    """What a job's plan found, and nothing else."""

    notices: Sequence[str] = ()

    def __init__(self, voices: Iterable[VoiceSpec], here: Path) -> None:
        """Take what the ledger has of the job, and where its command ran."""
        self._here = here
        self._by_origin = _by_origin(voices)

    def find(self, folder: Path, path: str) -> Recording:
        """Return what was found for a path."""
        for place in places(folder, path, self._here):
            if place in self._by_origin:
                return _recording(self._by_origin[place])
        raise LineError(f"the recording {path} was not found when the job was planned")

    def voice(self, name: str) -> VoiceSpec | None:
        """Return what was found for a name."""
        return None if _is_path(name) else self._by_origin.get(name)


class Read:
    """Recordings read now; what an earlier plan of the job kept stands in for what is gone since."""

    def __init__(
        self,
        state: Path,
        earlier: Iterable[VoiceSpec] = (),
        *,
        here: Path,
        keeps: bool = True,
        again: bool = False,
    ) -> None:
        """Begin with nothing read.

        Args:
            state: The state folder.
            here: Where the command runs.
            earlier: What the ledger has of the job.
            keeps: Copy what is read into the state folder.
            again: Where an earlier plan found something, take that as it was.
        """
        self._store = RecordingStore(state)
        self._shelf = VoiceShelf(state)
        self._earlier = _by_origin(earlier)
        self._here = here
        self._keep: Callable[[str], str] = self._store.keep if keeps else hash_recording
        self._again = again
        self._read: dict[str, Recording | LineError] = {}
        self.notices: list[str] = []

    def find(self, folder: Path, path: str) -> Recording:
        """Return a recording, read once however many lines name it."""
        wanted = places(folder, path, self._here)
        earlier = next((place for place in wanted if place in self._earlier), None)
        there = next((place for place in wanted if os.path.exists(place)), None)  # noqa: PTH110 -- see places
        place = (earlier if self._again else None) or there or earlier or wanted[0]
        if place not in self._read:
            self._read[place] = self._found(place)
        found = self._read[place]
        if isinstance(found, LineError):
            raise found
        return found

    def voice(self, name: str) -> VoiceSpec | None:
        """Return a cloned voice as it is now, or as it was if it is gone since."""
        if _is_path(name):
            return None
        cloned = self._shelf.find(name)
        if cloned is not None and not self._again:
            return self._cloned(cloned)
        earlier = self._kept(name)
        if earlier is None:
            return None if cloned is None else self._cloned(cloned)
        if cloned is None and name not in self._read:
            self._read[name] = _recording(earlier)
            self.notices.append(f"the voice {name} is gone; it speaks from the copy that this job has")
        return earlier

    def _found(self, place: str) -> Recording | LineError:
        if self._again and (earlier := self._kept(place)):
            return _recording(earlier)
        try:
            sha256 = self._keep(place)
        except UnreadableRecording as error:
            earlier = self._kept(place)
            if earlier is None:
                return LineError(str(error))
            self.notices.append(f"{error}; it is spoken with the copy that this job has")
            return _recording(earlier)
        return Recording(origin=place, path=recording_name(sha256), sha256=sha256)

    def _kept(self, origin: str) -> VoiceSpec | None:
        """Return what an earlier plan found, if its copy is whole."""
        earlier = self._earlier.get(origin)
        return earlier if earlier and self._store.has(earlier.reference_sha256 or "") else None

    def _cloned(self, voice: ClonedVoice) -> VoiceSpec:
        found = self._read.get(voice.name)
        if found is None:
            found = self._read[voice.name] = self._of_the_shelf(voice)
        if isinstance(found, LineError):
            raise found
        return VoiceSpec(
            reference_path=found.path,
            reference_text=voice.text,
            reference_sha256=found.sha256,
            origin=voice.name,
        )

    def _of_the_shelf(self, voice: ClonedVoice) -> Recording | LineError:
        try:
            sha256 = self._keep(str(self._shelf.recording(voice)))
        except UnreadableRecording as error:
            return LineError(f"the voice {voice.name!r}: {error}; {_ADD_AGAIN}")
        if sha256 != voice.sha256:
            return LineError(f"the voice {voice.name!r}: its recording is not what was added; {_ADD_AGAIN}")
        return Recording(origin=voice.name, path=recording_name(sha256), sha256=sha256)


_ADD_AGAIN = "add it again, with 'voices add --replace'"


def _is_path(name: str) -> bool:
    # Recordings come from absolute paths; a JSONL line may write anything for a voice.
    return "/" in name


def _by_origin(voices: Iterable[VoiceSpec]) -> dict[str, VoiceSpec]:
    return {voice.origin: voice for voice in voices if voice.origin and voice.reference_sha256}


def _recording(voice: VoiceSpec) -> Recording:
    sha256 = voice.reference_sha256
    return Recording(origin=voice.origin or "", path=voice.reference_path or "", sha256=sha256)
