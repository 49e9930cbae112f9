"""Fixtures of more than one part of the parent."""

import pytest


@pytest.fixture(scope="session")
def fonts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which matplotlib looks for its fonts once for all tests, and not at home."""
    return {"MPLCONFIGDIR": str(tmp_path_factory.mktemp("fonts"))}
