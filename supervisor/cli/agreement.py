"""Whether a service would do what a command line asks for: it speaks with its own settings."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from supervisor.config import Config, Given, Loaded
from supervisor.config.reload import values_of
from supervisor.config.sources import SHIPPED
from supervisor.errors import UsageError

#: Of what a file says, that which decides what is heard.
_HEARD: Final = ("engine.", "narration.", "degrade.")

#: What a command does by itself, whoever speaks (`piper` looks up its voices), and what only `serve` reads.
_OWN: Final = ("log.", "piper.", "http.", "wyoming.")


def must_agree(loaded: Loaded, theirs: Mapping[str, str], who: str) -> None:
    """Refuse what this command was told and a service does otherwise.

    Args:
        loaded: The configuration of this command.
        theirs: The service's, as `config/get` has it.
        who: For the message: the service and its process.

    Raises:
        UsageError: If there is such a key; names all of them with both values.
    """
    if found := list(differences(loaded, theirs)):
        raise UsageError(
            f"{who} does the work, with settings of its own, and has others: {'; '.join(found)}. Leave them "
            "out, or give them to the service (its configuration, then a reload), or choose a state folder "
            "without a service with --state"
        )


def differences(loaded: Loaded, theirs: Mapping[str, str]) -> Iterator[str]:
    """Yield a word for each key that was given here and holds otherwise there."""
    ours = values_of(loaded.config)
    is_other_engine = theirs.get("engine.name") != ours["engine.name"]
    for key, one in loaded.given.items():
        if not _counts(loaded, key, one) or key not in ours or theirs.get(key) == ours[key]:
            continue
        is_of_an_engine = key.startswith("engine.") and key not in theirs
        if not (is_other_engine and is_of_an_engine and _is_given(loaded, "engine.name")):
            yield f"{key} is {ours[key]} by {one.where}, there {theirs.get(key, 'not set')}"


def with_their_engine(config: Config, theirs: Mapping[str, str]) -> Config:
    """Return the configuration with the engine's name that a service has: what an engine can do counts."""
    name = theirs.get("engine.name", "").strip('"')
    return replace(config, engine=replace(config.engine, name=name or config.engine.name))


def _counts(loaded: Loaded, key: str, one: Given) -> bool:
    if one.origin == SHIPPED or key.startswith(_OWN):
        return False
    is_of_a_file = one.line is not None
    # A file may have every key, as the shipped one does: what is at its default says nothing.
    return not is_of_a_file or (key.startswith(_HEARD) and one.value != loaded.defaults.get(key))


def _is_given(loaded: Loaded, key: str) -> bool:
    return loaded.given[key].origin != SHIPPED
