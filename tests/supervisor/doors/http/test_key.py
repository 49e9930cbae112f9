"""A key may lie in a file: it is that file's line, or an error that names the file and not what it holds."""

import os
from pathlib import Path

import pytest

from supervisor.doors.http.key import with_key
from supervisor.errors import ConfigError
from tests.supervisor.doors.http.visit import terms_of


def test_terms_without_a_file_are_as_they_were() -> None:
    assert with_key(terms_of(api_key="s3cret")) == terms_of(api_key="s3cret")
    assert with_key(terms_of()).api_key == ""


@pytest.mark.parametrize("content", [b"s3cret", b"s3cret\n", b"  s3cret\r\n\n"])
def test_the_key_is_what_the_file_holds_without_the_ends_of_lines(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(content)
    assert with_key(terms_of(api_key_file=str(file))).api_key == "s3cret"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"\n \n", "is empty"),
        (b"two words", "holds no key"),
        (b"s3cret\nanother", "holds no key"),
        ("schlüssel".encode(), "holds no key"),
        (b"\xff\xfe", "holds no key"),
        (b"x" * 4097, "longer than 4096 bytes"),
    ],
)
def test_a_file_that_holds_no_key_is_refused_and_not_quoted(
    content: bytes, says: str, tmp_path: Path
) -> None:
    file = tmp_path / "key"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=says) as caught:
        with_key(terms_of(api_key_file=str(file)))
    assert str(file) in str(caught.value)
    assert caught.value.exit_code == 2
    assert not any(word in str(caught.value) for word in ("two words", "another", "schl"))


def test_a_file_that_cannot_be_read_is_named_with_why(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=rf"http\.api_key_file: {tmp_path}/none .*No such file"):
        with_key(terms_of(api_key_file=str(tmp_path / "none")))
    with pytest.raises(ConfigError, match=os.strerror(21)):
        with_key(terms_of(api_key_file=str(tmp_path)))


def test_two_keys_are_one_too_many(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="drop either"):
        with_key(terms_of(api_key="s3cret", api_key_file=str(tmp_path / "key")))
