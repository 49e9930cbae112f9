from pathlib import Path

import pytest

from supervisor.edge.modelplace import default_model_path


def test_a_model_lies_in_the_xdg_data_folder() -> None:
    found = default_model_path({"XDG_DATA_HOME": "/data"}, "glm-tts")
    assert found == Path("/data/tts-supervisor/models/glm-tts")


@pytest.mark.parametrize("environ", [{}, {"XDG_DATA_HOME": ""}, {"XDG_DATA_HOME": "relative/is/ignored"}])
def test_without_one_it_lies_at_home(environ: dict[str, str]) -> None:
    found = default_model_path(environ, "glm-tts")
    assert found == Path.home() / ".local" / "share" / "tts-supervisor" / "models" / "glm-tts"
