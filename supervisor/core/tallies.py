"""How far a job is: what `Progress` shows."""

from dataclasses import dataclass, replace

from supervisor.core.notes import Progress
from supervisor.core.segments import WaitingSegment


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSize:
    """A job as the run finds it.

    Attributes:
        job: Its id.
        segments: All of them.
        over: Done or set aside already.
        chars_left: Characters of the segments that wait.
        audio_s: Seconds of audio done already.
        titles: Of its chapters.
    """

    job: str
    segments: int
    over: int
    chars_left: int
    audio_s: float
    titles: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class Counts:
    """What became of the children of one run.

    Attributes:
        recycles: Replaced as planned.
        deaths: Ended otherwise.
        cleans: Releases of caches.
        lost_s: Seconds of theirs that came to nothing: on segments whose audio was thrown away, and on
            starts that failed.
    """

    recycles: int = 0
    deaths: int = 0
    cleans: int = 0
    lost_s: float = 0.0

    def __add__(self, other: "Counts") -> "Counts":
        """Return the counts of both."""
        return Counts(
            recycles=self.recycles + other.recycles,
            deaths=self.deaths + other.deaths,
            cleans=self.cleans + other.cleans,
            lost_s=self.lost_s + other.lost_s,
        )


class Tallies:
    """Counts of one job in one run."""

    def __init__(self, size: JobSize, *, at_s: float) -> None:
        """Count from here: the first segment can be handed out."""
        self._chars_done = 0
        self._chapter = 0
        self._size = size
        self._begun_s = at_s
        self._over = size.over
        self._chars_left = size.chars_left
        self._audio_s = size.audio_s

    def resize(self, size: JobSize) -> None:
        """Take the job's new size: a chapter was cut otherwise while the run goes on."""
        self._size = replace(size, audio_s=self._size.audio_s)
        self._over = size.over
        self._chars_left = size.chars_left

    def over(self, segment: WaitingSegment, audio_s: float) -> None:
        """Count a segment as done (with its seconds of audio) or set aside (with none)."""
        chars = len(segment.text)
        self._over += segment.twins
        self._chars_left = max(0, self._chars_left - chars * segment.twins)
        self._chars_done += chars
        self._audio_s += audio_s * segment.twins
        self._chapter = segment.chapter

    def progress(self, at_s: float, counts: Counts) -> Progress:
        """Return the note; speed and time left come from this run's own pace."""
        wall_s = at_s - self._begun_s
        made_s = self._audio_s - self._size.audio_s
        known = self._chars_done > 0 and wall_s > 0
        titles = self._size.titles
        return Progress(
            job=self._size.job,
            segment=self._over,
            segments=self._size.segments,
            chapter=self._chapter + 1,
            chapters=len(titles),
            title=titles[self._chapter] if self._chapter < len(titles) else "",
            audio_seconds=round(self._audio_s, 3),
            wall_seconds=round(wall_s, 3),
            speed=made_s / wall_s if known else None,
            eta_seconds=wall_s / self._chars_done * self._chars_left if known else None,
            recycles=counts.recycles,
            deaths=counts.deaths,
        )
