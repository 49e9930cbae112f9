from dataclasses import fields

from supervisor.config.building import Checked, impossible
from supervisor.config.load import load, read
from supervisor.config.sources import Given


def checked(**values: str) -> Checked:
    given = {key.replace("__", "."): value for key, value in values.items()}
    return Checked(
        values=given, given={key: Given(key=key, value=value, origin="t") for key, value in given.items()}
    )


def test_only_what_is_there_is_judged() -> None:
    assert impossible(checked()) == []
    assert impossible(checked(memory__host__soft="90%")) == []
    (one,) = impossible(checked(memory__host__soft="90%", memory__host__hard="80%"))
    assert (one.key, one.origin) == ("memory.host.soft", "t")


def test_marks_of_different_kinds_can_be_compared_for_the_machine_alone() -> None:
    assert impossible(checked(memory__device__soft="8GiB", memory__device__hard="1%")) == []
    (one,) = impossible(checked(memory__host__soft="1TiB", memory__host__hard="1%"))
    assert "set both, soft below hard" in one.what


def test_an_engine_is_looked_for_where_it_would_run() -> None:
    (one,) = impossible(checked(engine__name="parrot", child__python=""))
    assert "there is no engine 'parrot'" in one.what
    assert impossible(checked(engine__name="parrot", child__python="sh")) == []


def test_every_part_of_the_configuration_is_built() -> None:
    config = load(read(environ={})).config
    tables = {"engine", "child", "memory", "degrade", "batch", "narration", "queue", "alerts"}
    tables |= {"http", "wyoming", "piper", "log"}
    assert {field.name for field in fields(config)} == tables
