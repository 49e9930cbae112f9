"""The systemd unit: one template, two forms. Pure text; `systemctl.py` puts it in its place.

A line of the template that begins with `?WORDS ` is for those whom a word names: `system` or `user`, and
`254` or `older`, for what systemd knows since its version 254.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

Scope = Literal["system", "user"]

#: Its file.
UNIT_NAME: Final = "tts-supervisor.service"

#: The beginning of a unit that was written here, and may be replaced.
MARK: Final = "# Written by 'tts-supervisor service install'"

#: RestartSteps came with it; an older systemd warns of what it does not know.
STEPS_SINCE: Final = 254

_TEMPLATE: Final = Path(__file__).with_name("unit.template")

#: What stands for itself between quotes of a unit, and what must be doubled there.
_ESCAPES: Final = {"\\": "\\\\", '"': '\\"', "%": "%%", "\n": "\\n"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """What a unit is made for.

    Attributes:
        scope: The machine's, or one user's.
        command: The program and its options before `serve`; the program's path is absolute.
        doors: Options of `serve`.
        writable: Folders that it may write beside its own; the machine's alone has a sandbox.
        systemd_version: That is to read it.
        environment: Set for the service.
    """

    scope: Scope
    command: Sequence[str]
    systemd_version: int
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    doors: Sequence[str] = ()
    writable: Sequence[str] = ()

    def text(self) -> str:
        """Return the unit."""
        words = {self.scope, "254" if self.systemd_version >= STEPS_SINCE else "older"}
        lines = _TEMPLATE.read_text("utf-8").splitlines()
        kept = [_words_off(line) for line in lines if _is_for(line, words)]
        # What is left out leaves its blank lines.
        squeezed = [
            line for line, before in zip(kept, ["", *kept], strict=False) if line.strip() or before.strip()
        ]
        return self._filled("\n".join(line.rstrip() for line in squeezed) + "\n")

    def _filled(self, text: str) -> str:
        set_here = [f"Environment={_quoted(f'{k}={v}')}\n" for k, v in sorted(self.environment.items())]
        program, *options = self.command
        # A folder that is not there yet is no reason not to start.
        writable = [f"ReadWritePaths={_quoted(f'-{folder}')}\n" for folder in self.writable]
        # A dollar is plain in the program's path, and in what follows begins a variable.
        command = " ".join([_quoted(program), *map(_word, options)])
        doors = "".join(f" {_word(word)}" for word in self.doors)
        systemctl = "systemctl --user" if self.scope == "user" else "systemctl"
        text = text.replace("{environment}", "".join(set_here)).replace("{systemctl}", systemctl)
        text = text.replace("{writable}", "".join(writable)).replace("{doors}", doors)
        return text.replace("{command}", command)


def _is_for(line: str, words: set[str]) -> bool:
    if not line.startswith("?"):
        return True
    return line[1:].partition(" ")[0] in words


def _words_off(line: str) -> str:
    return line.partition(" ")[2] if line.startswith("?") else line


def _word(option: str) -> str:
    return _quoted(option).replace("$", "$$")


def _quoted(word: str) -> str:
    escaped = "".join(_ESCAPES.get(char, char) for char in word)
    return escaped if word and escaped == word and not set(word) & set(" \t';") else f'"{escaped}"'
