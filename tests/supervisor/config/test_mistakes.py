from supervisor.config.mistakes import Mistake, Mistaken
from supervisor.errors import ConfigError

ONE = Mistake(key="child.attempts", origin="a.toml", line=3, what="need more")
FILE = Mistake(key="", origin="a.toml", what="cannot be read")


def test_a_mistake_names_the_key_the_file_and_the_line() -> None:
    assert str(ONE) == "child.attempts from a.toml:3: need more"
    assert str(FILE) == "a.toml: cannot be read"


def test_several_mistakes_are_one_error_that_tells_the_first_and_counts_the_rest() -> None:
    assert str(Mistaken(ONE)) == str(ONE)
    error = Mistaken(FILE, ONE, ONE)
    assert str(error) == "a.toml: cannot be read (and 2 more: 'tts-supervisor config check' lists them all)"
    assert (error.mistakes, error.exit_code) == ((FILE, ONE, ONE), 2)
    assert isinstance(error, ConfigError)
