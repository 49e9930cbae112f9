"""What the page says: the same in both languages, and a word for everything that the service may name."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import cast, get_args

import pytest

from supervisor.core.decisions import Act, Policy
from supervisor.core.lifecycle import State
from supervisor.core.notes import ChildStateName
from supervisor.loop.health import AilmentKind
from supervisor.loop.service import ServiceState
from supervisor.loop.sights import EndState
from tests.standin.tools import put_node
from tests.tree import ROOT

PAGE = ROOT / "supervisor" / "page"

Table = dict[str, str]


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with Node, and with the page as modules."""
    folder = tmp_path_factory.mktemp("node")
    put_node(folder)
    shutil.copytree(PAGE, folder / "page")
    (folder / "page" / "package.json").write_text('{"type": "module"}')
    return folder


def run(node: Path, script: str) -> object:
    """What a script beside the page's modules prints, as JSON."""
    env = os.environ | {"PATH": f"{node}{os.pathsep}{os.environ['PATH']}"}
    words = ["node", "--input-type=module", "--eval", script]
    said = subprocess.run(words, cwd=node / "page", env=env, check=True, capture_output=True)
    return json.loads(said.stdout)


@pytest.fixture(scope="module")
def tables(node: Path) -> dict[str, Table]:
    script = 'import { WORDS } from "./words.js"; console.log(JSON.stringify(WORDS));'
    return cast("dict[str, Table]", run(node, script))


def scripts() -> str:
    return "\n".join(path.read_text("utf-8") for path in sorted(PAGE.glob("*.js")) if path.name != "words.js")


def test_both_languages_have_the_same_words_and_the_same_places_in_them(tables: dict[str, Table]) -> None:
    assert set(tables) == {"en", "zh"}
    assert list(tables["en"]) == list(tables["zh"])
    for word, text in tables["en"].items():
        places = [set(re.findall(r"\{(\w+)\}", one)) for one in (text, tables["zh"][word])]
        assert places[0] == places[1], word
    assert all(text.strip() for table in tables.values() for text in table.values())


def test_chinese_is_chinese_save_for_names(tables: dict[str, Table]) -> None:
    bare = {word: re.sub(r"\{\w+\}", "", text) for word, text in tables["zh"].items()}
    foreign = {
        word for word, text in bare.items() if re.search(r"[a-z]", text) and not re.search(r"[一-鿿]", text)
    }
    assert foreign == {"language.other"}


def test_every_word_that_is_asked_for_is_there(tables: dict[str, Table]) -> None:
    asked = set(re.findall(r'\bsay\(\s*"([^"]+)"', scripts()))
    asked |= {f"count.{one}" for one in re.findall(r'\bcount\("([^"]+)"', scripts())}
    asked |= set(re.findall(r'data-word="([^"]+)"', (PAGE / "index.html").read_text("utf-8")))
    asked |= set(re.findall(r'"((?:verdict|broom|memory|child|figures|try)\.[a-z.]+)"', scripts()))
    assert asked - tables["en"].keys() == set()


def test_every_word_is_asked_for(tables: dict[str, Table]) -> None:
    text = scripts() + (PAGE / "index.html").read_text("utf-8")
    families = (
        set(re.findall(r'\bname\("(\w+)"', text)) | set(re.findall(r"[`\"](\w+)\.\$\{", text)) | {"count"}
    )
    unused = [word for word in tables["en"] if f'"{word}"' not in text and word.split(".")[0] not in families]
    assert unused == []


@pytest.mark.parametrize(
    ("family", "names"),
    [
        ("state", get_args(ServiceState)),
        ("ail", get_args(AilmentKind)),
        ("ended", set(get_args(EndState)) - {"stopped"}),
        ("slot", (*get_args(ChildStateName), *(one.name.lower() for one in State))),
        ("decided", get_args(Act)),
        ("says", ("keep", *get_args(Act))),
        ("policy", get_args(Policy)),
        ("job", ("queued", "running", "paused", "parked", "done", "failed", "cancelled")),
        ("job", ("pause", "resume", "cancel", "retry", "listen")),
    ],
)
def test_everything_that_the_service_names_has_a_word(
    tables: dict[str, Table], family: str, names: Iterable[str]
) -> None:
    assert {f"{family}.{one}" for one in names} - tables["en"].keys() == set()


# ------------------------------------------------------------------ what is worked out


def test_a_verdict_is_found_for_every_state_and_never_better_than_the_state_is(node: Path) -> None:
    script = """
    import { judge } from "./standing.js";
    const found = {};
    for (const state of STATES)
      for (const ready of [true, false])
        for (const stops of [null, false, true]) {
          const health = stops === null ? [] : [{ stops }];
          found[`${state} ${ready} ${stops}`] = judge("open", { state, ready, health }).tone;
        }
    found.lost = judge("lost", null).tone;
    found.asking = judge("asking", null).tone;
    console.log(JSON.stringify(found));
    """
    states = json.dumps(get_args(ServiceState))
    tones = cast("dict[str, str]", run(node, script.replace("STATES", states)))
    well = {case for case, tone in tones.items() if tone == "ok"}
    hopeless = ("gpu_lost", "driver_does_not_let_go", "cannot_be_killed", "gave_up")
    troubled = (*hopeless, "paused", "waiting_for_memory")
    assert well == {f"{state} true null" for state in get_args(ServiceState) if state not in troubled}
    for state in hopeless:
        assert tones[f"{state} false null"] == "bad"
    assert tones["idle false true"] == tones["lost"] == "bad"
    assert tones["idle true false"] == "warn"
    assert tones["starting false null"] == tones["asking"] == "wait"


def test_events_are_the_same_however_they_are_cut(node: Path) -> None:
    script = r"""
    import { Events } from "./service.js";
    const text = ": \n\nevent: all\ndata: {\"a\": 1}\n\n: \nevent: job\r\ndata: {\"name\": \"x: y\"}\r\n\r\n";
    const told = [];
    for (let cut = 0; cut <= text.length; cut += 1) {
      const seen = [];
      const events = new Events((name, content) => seen.push([name, content]));
      events.take(text.slice(0, cut));
      events.take(text.slice(cut));
      told.push(JSON.stringify(seen));
    }
    console.log(JSON.stringify([...new Set(told)]));
    """
    (told,) = cast("list[str]", run(node, script))
    assert json.loads(told) == [["all", {"a": 1}], ["job", {"name": "x: y"}]]


def test_the_picture_reaches_to_the_marks_once_they_are_near_and_loses_no_peak(node: Path) -> None:
    script = """
    import { thinned, topOf } from "./scale.js";
    const MIB = 2 ** 20;
    const series = { marks_of: "child", total: 8000 * MIB, marks: { soft: 400 * MIB, hard: 500 * MIB } };
    const points = Array.from({ length: 3000 }, (_, at) => [at, (at === 1234 ? 90 : 40) * MIB, null]);
    const few = thinned(series, points, 0, 3000, 100);
    const gpu = { marks_of: "all", total: 1000 * MIB, marks: { soft: 850 * MIB, hard: 950 * MIB } };
    const top = (one, ours, others) => topOf(one, [[0, ours * MIB, others * MIB]]) / MIB;
    console.log(JSON.stringify({
      far: topOf(series, points) / MIB, near: top(series, 130, 0), over: top(series, 700, 0),
      card: top(gpu, 200, 100), few: few.length, most: Math.max(...few.map((point) => point[1])) / MIB,
    }));
    """
    found = cast("dict[str, float]", run(node, script))
    assert 90 < found["far"] < 200
    assert found["near"] > 500
    assert found["over"] > 700
    assert found["card"] >= 1000
    assert (found["few"], found["most"]) == (100, 90)


def test_jobs_stand_in_the_order_in_which_they_matter(node: Path) -> None:
    script = """
    import { actsOf, inOrder } from "./jobs.js";
    const states = ["done", "failed", "queued", "running", "queued", "paused", "cancelled"];
    const jobs = states.map((state, at) => ({ job: at, state, failed: 0, done: Number(state === "done") }));
    console.log(JSON.stringify({
      order: inOrder(jobs).map((job) => job.job), acts: inOrder(jobs).map((job) => actsOf(job).join(" ")),
      partly: actsOf({ state: "done", failed: 2, done: 1 }),
    }));
    """
    found = cast("dict[str, list[object]]", run(node, script))
    assert found["order"] == [3, 5, 2, 4, 6, 1, 0]
    waits = "pause cancel"
    assert found["acts"] == [waits, "resume cancel", waits, waits, "retry", "retry", "listen"]
    assert found["partly"] == ["retry", "listen"]


def test_how_the_service_ended_is_kept_while_nobody_answers_and_nothing_stale_stands_beside_it(
    node: Path,
) -> None:
    script = """
    import { Model } from "./model.js";
    import { judge, why } from "./standing.js";
    const found = {};
    for (const state of ["gave_up", "stopped"]) {
      const model = new Model();
      model.link = "open";
      const health = [{ kind: "child_died", stops: true, mend: "the next one is started by itself" }];
      const child = { life: 13 };
      const status = { state: "recycling", ready: false, health, child, children: [], policies: [1] };
      model.take("all", { at: 1, status, jobs: [], series: [], moments: [] });
      model.take("over", { why: "the service ends", state });
      const over = { verdict: judge(model.link, model.status, model.ended), why: why(model) };
      Object.assign(model, { link: "lost", again_s: 4 });
      const lost = { verdict: judge(model.link, model.status, model.ended), why: why(model) };
      const after = model.status;
      const kept = [after.health, after.child, after.policies];
      model.take("all", { at: 2, status, jobs: [], series: [], moments: [] });
      found[state] = { over, lost, kept, ended: model.ended };
    }
    console.log(JSON.stringify(found));
    """
    found = cast("dict[str, dict[str, dict[str, object]]]", run(node, script))
    gave_up, stopped = found["gave_up"], found["stopped"]
    assert gave_up["over"] == {
        "verdict": {"word": "verdict.person", "tone": "bad"},
        "why": "Gave up after a crash loop",
    }
    assert gave_up["lost"]["verdict"] == gave_up["over"]["verdict"]
    assert re.match("Gave up after a crash loop. Tried again in 4 s", str(gave_up["lost"]["why"]))
    assert stopped["over"] == {"verdict": {"word": "verdict.over", "tone": "warn"}, "why": ""}
    assert stopped["lost"]["verdict"] == stopped["over"]["verdict"]
    for one in (gave_up, stopped):
        assert one["kept"] == [[], None, []]
        assert one["ended"] == "", "another service answers"


def test_without_a_child_memory_is_nobodys_and_the_broom_says_that_there_is_none(node: Path) -> None:
    script = """
    import { headline } from "./memory.js";
    import { given } from "./moments.js";
    const series = { marks_of: "child", total: 2 ** 30, marks: { soft: 4, hard: 9 } };
    const nothing = { kind: "gave_back", before_bytes: 0, after_bytes: 0, took_s: 0, of: "host" };
    console.log(JSON.stringify({
      held: headline(series, [0, 5 * 2 ** 20, 7], true), nobody: headline(series, [0, 5 * 2 ** 20, 7], false),
      clean: given("clean", nothing), recycle: given("recycle", nothing),
      same: given("recycle", { ...nothing, before_bytes: 9, after_bytes: 9 }),
    }));
    """
    found = cast("dict[str, object]", run(node, script))
    assert found["held"] == {"amount": "5.0 MiB", "words": "held by the child, of 1.0 GiB", "tone": "bad"}
    assert found["nobody"] == {"amount": "", "words": "No child, so none holds memory now", "tone": "ok"}
    assert "no child now, and the next text brings a fresh one" in str(found["clean"])
    assert str(found["recycle"]).startswith("No child to replace: ")
    assert "nothing to give back (9 B before" in str(found["same"])


def test_of_more_jobs_than_are_told_the_heading_says_so_and_older_ones_are_put_before_them(
    node: Path,
) -> None:
    script = """
    import { Model } from "./model.js";
    import { heading } from "./jobs.js";
    const told = (at) => ({ job: `j${at}`, name: `${at}.wav`, state: at ? "queued" : "running" });
    const listed = (at) => ({ job: `j${at}`, state: "queued", outputs: at ? [] : ["/a/b.wav"] });
    const numbers = Array.from({ length: 216 }, (_, at) => at);
    const model = new Model();
    const all = { at: 1, status: {}, series: [], moments: [] };
    const words = () => heading(model.everyJob, model.hasOlder);
    const found = {};
    model.take("all", { ...all, jobs: numbers.slice(16).map(told) });
    found.latest = words();
    model.takeList(numbers.map(listed));
    found.whole = words();
    found.order = model.everyJob.map((one) => one.job).join() === numbers.map((at) => `j${at}`).join();
    found.name = model.everyJob[0].name;
    model.take("job", { ...told(3), state: "paused" });
    model.take("job", told(216));
    found.after = [words(), model.everyJob[3].state, model.everyJob[3].name, model.everyJob.length];
    model.take("all", { ...all, jobs: [told(0), told(1)] });
    model.takeList([listed(0), listed(1)]);
    found.few = words();
    console.log(JSON.stringify(found));
    """
    assert run(node, script) == {
        "latest": "the latest 200 jobs, 200 wait",
        "whole": "216 jobs, 216 wait",
        "order": True,
        "name": "b.wav",
        "after": ["217 jobs, 216 wait", "paused", "3.wav", 217],
        "few": "2 jobs, 1 waits",
    }


def test_a_name_that_would_turn_what_is_read_is_written_out(node: Path) -> None:
    names = ["\u202egpj.wav", "a\nb\u2066", "ferry 渡船.wav", "\u05e9\u05dc.wav"]
    script = """
    import { readable } from "./figures.js";
    console.log(JSON.stringify(NAMES.map(readable)));
    """
    assert run(node, script.replace("NAMES", json.dumps(names))) == [
        "\\u{202e}gpj.wav",
        "a\\u{a}b\\u{2066}",
        "ferry 渡船.wav",
        "\u2068\u05e9\u05dc.wav\u2069",
    ]
