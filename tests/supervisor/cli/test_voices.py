import json

import pytest

from tests.supervisor.cli.driver import Home

pytestmark = pytest.mark.processes


def test_voices_come_from_a_real_child(home: Home) -> None:
    voices = json.loads(home.run("voices", "--json").out)
    assert {"en-us", "cmn"} <= {voice["name"] for voice in voices}
    keys = {"name", "language", "sample_rate", "description", "cloned"}
    assert all(voice.keys() == keys and voice["cloned"] is False for voice in voices)
    table = home.run("voices").out.splitlines()
    assert len(table) == len(voices) + 1
