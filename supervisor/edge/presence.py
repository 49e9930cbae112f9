"""What the engine glm finds where its child would run: packages, parts of a model, tables, sizes.

Asked of a short-lived process of that interpreter, which imports none of what it looks for.
"""

import subprocess
from pathlib import Path

import msgspec

from supervisor.edge.launch import environment_for, find_python
from supervisor.errors import SupervisorError

#: It imports little, from a disk that may be slow.
_TIMEOUT_S = 60


class Presence(msgspec.Struct, frozen=True, kw_only=True):
    """What is there.

    Attributes:
        packages: Those of the extra that are not.
        parts: Of the model that are missing or not whole, in words with their mends.
        tables: For phonemes, likewise.
        lexicon: What is wrong with the user's own pronunciations.
        halved_bytes: Of files that are held in half their size in bfloat16.
        whole_bytes: Of files that are held as they are.
    """

    packages: list[str]
    parts: list[str]
    tables: list[str]
    lexicon: list[str]
    halved_bytes: int
    whole_bytes: int


def ask_presence(python: str, checkpoint: Path, *, configs: str, rate_hz: str, lexicon: str = "") -> Presence:
    """Ask an interpreter.

    Args:
        python: As configured.
        checkpoint: The model's folder.
        configs: Folder of the tables; empty = none is set.
        rate_hz: Of which the vocoder is wanted.
        lexicon: The user's own pronunciations; empty = none are set.

    Raises:
        SupervisorError: If there is no answer.
    """
    places = (("configs", configs), ("lexicon", lexicon))
    words = [f"--sample-rate={rate_hz}", *(f"--{name}={path}" for name, path in places if path)]
    try:
        done = subprocess.run(  # noqa: S603 - the child's interpreter, as configured
            [
                find_python(python),
                "-P",
                "-m",
                "tts_core.models",
                "presence",
                "glm-tts",
                str(checkpoint),
                *words,
            ],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            env=environment_for(python, "", {}),
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SupervisorError(f"{python} does not answer ({error})") from error
    try:
        return msgspec.json.decode(done.stdout, type=Presence)
    except msgspec.MsgspecError as error:
        said = (done.stderr.decode("utf-8", "replace").strip().splitlines() or ["it said nothing"])[-1]
        raise SupervisorError(f"{python} does not answer ({said})") from error
