"""What can be wrong with a configuration, one value for each mistake, so that all can be told at once."""

from dataclasses import dataclass

from supervisor.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """One thing that is wrong, and the mend.

    Attributes:
        key: Dotted; empty where it is about a whole file.
        origin: A file's path, `the environment variable X`, `--set X`, an option.
        line: In the file, from 1; None elsewhere, and where it is not known.
        in_file: Whether the origin is a file's path.
        what: What was needed, what was seen, how to mend it.
    """

    key: str
    origin: str
    line: int | None = None
    in_file: bool = False
    what: str

    @property
    def where(self) -> str:
        """The origin, with the line as editors take it: `config.toml:12`."""
        return self.origin if self.line is None else f"{self.origin}:{self.line}"

    def __str__(self) -> str:
        """Say it in one line."""
        return f"{self.key} from {self.where}: {self.what}" if self.key else f"{self.where}: {self.what}"


class Mistaken(ConfigError):
    """Something is wrong with the configuration; at least one mistake.

    Args:
        mistakes: All that are known, in the order in which they are to be told.
    """

    def __init__(self, *mistakes: Mistake) -> None:
        first, more = str(mistakes[0]), len(mistakes) - 1
        rest = f" (and {more} more: 'tts-supervisor config check' lists them all)" if more else ""
        super().__init__(first + rest)
        self.mistakes = mistakes
