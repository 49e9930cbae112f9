"""The key of the HTTP door, where a file holds it: a container's secret, a credential of systemd."""

from dataclasses import replace
from pathlib import Path
from typing import Final

from supervisor.config import HttpConfig
from supervisor.config.checks import secret
from supervisor.errors import ConfigError

#: Far more than a key has: what is longer is another file.
_LONGEST_BYTES: Final = 4096


def with_key(terms: HttpConfig) -> HttpConfig:
    """Return the terms with their key in them, wherever it was given.

    Raises:
        ConfigError: If its file cannot be read or holds no key, or if there are two. It is never quoted.
    """
    if not terms.api_key_file:
        return terms
    if terms.api_key:
        raise ConfigError("http.api_key_file: http.api_key is set as well; drop either")
    return replace(terms, api_key=_key_in(Path(terms.api_key_file)))


def _key_in(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_LONGEST_BYTES + 1)
    except OSError as error:
        raise ConfigError(
            f"http.api_key_file: {path} cannot be read ({error.strerror}); name one that the service may read"
        ) from error
    if len(content) > _LONGEST_BYTES:
        raise ConfigError(
            f"http.api_key_file: {path} is longer than {_LONGEST_BYTES} bytes: it should hold the key alone"
        )
    try:
        # An editor and `echo` end it with a new line.
        key = secret(content.decode("utf-8").strip())
    except ValueError as error:
        raise ConfigError(
            f"http.api_key_file: {path} holds no key: need letters, digits and marks of ASCII, without spaces"
        ) from error
    if not key:
        raise ConfigError(f"http.api_key_file: {path} is empty; put the key into it, or leave this out")
    return key
