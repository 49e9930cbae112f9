"""The version that both ends say is the one that is installed."""

import tomllib

from supervisor.wire.version import VERSION
from tests.tree import page


def test_the_constant_is_the_version_of_the_package() -> None:
    assert tomllib.loads(page("pyproject.toml"))["project"]["version"] == VERSION
