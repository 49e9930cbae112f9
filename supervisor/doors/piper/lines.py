"""What one line of a Piper program says: a text, or an object with a text. Pure."""

import msgspec

from supervisor.doors.lines import LONGEST_LINE_BYTES, Unkept


class BadLine(Exception):
    """A line that says nothing that could be spoken; the message says what is wrong with it."""


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be spoken, and where to. Fields of `--json-input` that are not known are nobody's mistake.

    Attributes:
        text: Not empty.
        output_file: Of this line alone; None = where the command line says.
        speaker: By name; a number counts as `speaker_id`.
        speaker_id: By number; where both are given it is the one that counts, as with Piper.
    """

    text: str
    output_file: str | None = None
    speaker: str | int | None = None
    speaker_id: str | int | None = None

    @property
    def who(self) -> str | None:
        """The speaker, by name or number; None = as the command line says."""
        said = self.speaker if self.speaker_id is None else self.speaker_id
        return None if said is None else str(said)


_DECODER = msgspec.json.Decoder(Wish)


def read_line(line: bytes | Unkept, *, json: bool) -> Wish | None:
    """Return what a line says; None if it is empty.

    Args:
        line: Without its end.
        json: Whether lines are objects; else they are texts.

    Raises:
        BadLine: If it is too long, not UTF-8, no such object, or its text or file has no name.
    """
    if isinstance(line, Unkept):
        raise BadLine(f"is longer than {LONGEST_LINE_BYTES} bytes; give it in several lines")
    if not line.strip():
        return None
    return _object(line) if json else Wish(text=_text(line))


def _object(line: bytes) -> Wish:
    try:
        wish = _DECODER.decode(_text(line))
    except msgspec.ValidationError as error:
        raise BadLine(f"is no object with a text: {error}") from error
    except msgspec.DecodeError as error:
        raise BadLine(f"is not JSON: {error}") from error
    if not wish.text.strip():
        raise BadLine("its text is empty")
    if wish.output_file is not None and (not wish.output_file or "\0" in wish.output_file):
        raise BadLine("its output_file has no name")
    return wish


def _text(line: bytes) -> str:
    try:
        # A byte order mark before the first line is an editor's doing, and nothing to be spoken.
        return line.decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise BadLine(
            f"is not UTF-8 (byte {line[error.start]:#04x} at {error.start}); convert the text first"
        ) from error
