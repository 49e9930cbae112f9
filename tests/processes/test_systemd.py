"""A real systemd runs what we tell it to: our unit, signs of life and sandbox. Needs root and systemd."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from supervisor.edge.launch import OOM_STEP
from supervisor.edge.unit import UNIT_NAME, Unit
from tests.standin.lab import Lab, booted, why_not
from tests.tree import ROOT

pytestmark = [pytest.mark.systemd, pytest.mark.processes, pytest.mark.timeout(60)]

PULSING = ROOT / "tests" / "standin" / "pulsing.py"

#: What the real unit waits for as long as a person would not.
HASTE = {"RestartSec": "100ms", "WatchdogSec": "3", "TimeoutAbortSec": "2"}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    with booted(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


def pulse(lab: Lab, what: str, **more: str) -> str:
    """Put a unit there that is ours but for its program and its patience; returns its name."""
    name = f"pulse-{what.replace(' ', '-')}.service"
    unit = Unit(
        scope="system",
        command=[sys.executable, str(PULSING)],
        systemd_version=252,
        environment={"PYTHONPATH": str(ROOT), "PULSE": what, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    haste = "\n".join(f"{key}={value}" for key, value in {**HASTE, **more}.items())
    lab.unit(name, unit.text().replace("[Install]", f"{haste}\n[Install]"))
    return name


def main_pid(lab: Lab, unit: str) -> int:
    return int(lab.show(unit, "MainPID")["MainPID"])


def pids(lab: Lab, unit: str) -> list[int]:
    """Processes of a unit, those that ended not among them."""
    group = lab.show(unit, "ControlGroup")["ControlGroup"]
    procs = f"cat /sys/fs/cgroup/{{systemd,.}}{group}/cgroup.procs 2>/dev/null"
    out = lab.run("bash", "-c", procs, check=False)
    return sorted({int(word) for word in out.split()} - {0})


def test_install_writes_the_machines_unit_has_it_read_and_remove_takes_it_away(lab: Lab) -> None:
    ours = ("env", f"PYTHONPATH={ROOT}", sys.executable, "-m", "supervisor", "service")
    said = lab.run(*ours, "install", "--system")
    assert f"/etc/systemd/system/{UNIT_NAME}: written" in said
    assert "systemd has read its units again" in said
    assert f"next: systemctl enable --now {UNIT_NAME}" in said
    assert lab.show(UNIT_NAME, "LoadState", "Type") == {"LoadState": "loaded", "Type": "notify"}
    lab.run("systemctl", "enable", UNIT_NAME)
    assert lab.show(UNIT_NAME, "UnitFileState") == {"UnitFileState": "enabled"}
    said = lab.run(*ours, "remove", "--system")
    assert f"/etc/systemd/system/{UNIT_NAME}: removed" in said
    assert lab.show(UNIT_NAME, "LoadState") == {"LoadState": "not-found"}
    assert "there is none" in lab.run(*ours, "remove")


def test_a_start_takes_as_long_as_it_says_and_then_tells_of_its_child(lab: Lab) -> None:
    unit = pulse(lab, "slow", TimeoutStartSec="6")  # two seconds less than it takes
    lab.run("systemctl", "start", unit)
    shown = lab.show(unit, "ActiveState", "StatusText", "MainPID", "NRestarts")
    main, child = int(shown["MainPID"]), int(shown["StatusText"].removeprefix("child "))
    assert (shown["ActiveState"], shown["NRestarts"]) == ("active", "0")
    assert shown["StatusText"] in lab.run("systemctl", "status", unit)
    assert pids(lab, unit) == sorted([main, child])
    scores = [int(lab.run("cat", f"/proc/{pid}/oom_score_adj")) for pid in (main, child)]
    # Not -100 where this machine may not lower it, as in most containers.
    assert scores[0] in (-100, 0)
    assert scores[1] == scores[0] + OOM_STEP
    inherited = lab.run("cat", f"/proc/{child}/environ")
    assert "NOTIFY_SOCKET" not in inherited
    assert "WATCHDOG" not in inherited
    assert lab.run("stat", "-c", "%a %U", "/run/tts-supervisor").split()[0] == "700"
    lab.run("systemctl", "stop", unit)


def test_a_loop_that_works_is_left_alone_and_events_have_their_fields(lab: Lab) -> None:
    unit = pulse(lab, "works")
    lab.run("systemctl", "start", unit)
    first = main_pid(lab, unit)
    lab.run("sleep", "5")  # longer than WatchdogSec
    lab.run("systemctl", "reload", unit)
    lab.until(unit, ActiveState="active", StatusText="reloaded 1 times")
    assert main_pid(lab, unit) == first
    started = (f"_PID={first}", "TTS_EVENT=run.started")  # another test may have run this unit before
    (line,) = lab.journal("-u", unit, *started, "-o", "json").splitlines()
    event = json.loads(line)
    found = {name: event.get(name) for name in ("TTS_JOB", "TTS_PID", "PRIORITY", "SYSLOG_IDENTIFIER")}
    assert found == {
        "TTS_JOB": "j1",
        "TTS_PID": str(first),
        "PRIORITY": "6",
        "SYSLOG_IDENTIFIER": "tts-supervisor",
    }
    lab.run("systemctl", "stop", unit)
    assert lab.show(unit, "Result", "ActiveState") == {"Result": "success", "ActiveState": "inactive"}
    assert lab.run("cat", "/var/lib/tts-supervisor/parked") == "yes"


def test_a_loop_that_stands_still_is_started_again(lab: Lab) -> None:
    unit = pulse(lab, "works", RestartSec="2")
    lab.run("systemctl", "start", unit)
    before = pids(lab, unit)
    assert len(before) == 2
    lab.run("kill", "-STOP", str(main_pid(lab, unit)))
    lab.until(unit, Result="watchdog")
    lab.until(unit, NRestarts="1", ActiveState="active")
    assert not set(before) & set(pids(lab, unit))
    lab.run("systemctl", "stop", unit)


def test_a_loop_that_turns_beside_something_overdue_is_started_again(lab: Lab) -> None:
    unit = pulse(lab, "overdue", RestartSec="60")
    lab.run("systemctl", "start", unit)
    lab.until(unit, Result="watchdog")
    assert "what never comes is" in lab.journal("-u", unit, "TTS_EVENT=notice")
    lab.run("systemctl", "stop", unit)


def test_a_parent_that_is_killed_leaves_nobody_and_comes_again(lab: Lab) -> None:
    unit = pulse(lab, "works")
    lab.run("systemctl", "start", unit)
    before = pids(lab, unit)
    assert len(before) == 2
    lab.run("kill", "-KILL", str(main_pid(lab, unit)))
    lab.until(unit, NRestarts="1", ActiveState="active")
    assert not set(before) & set(pids(lab, unit))
    lab.run("systemctl", "stop", unit)


@pytest.mark.parametrize("code", [2, 76, 77, 78])
def test_what_wants_a_person_is_not_started_again(lab: Lab, code: int) -> None:
    unit = pulse(lab, f"exit {code}")
    lab.run("systemctl", "start", unit, check=False)
    lab.until(unit, ActiveState="failed", NRestarts="0", ExecMainStatus=str(code))


@pytest.mark.parametrize("code", [1, 75])
def test_what_may_do_better_next_time_is_tried_for_ever(lab: Lab, code: int) -> None:
    unit = pulse(lab, f"exit {code}")
    lab.run("systemctl", "start", unit, check=False)
    # More often than systemd's usual limit of five.
    count = f"until [ $(systemctl show {unit} -P NRestarts) -ge 7 ]; do sleep 0.1; done"
    lab.run("bash", "-c", count)
    lab.run("systemctl", "stop", unit)


def test_in_the_sandbox_a_narration_has_the_same_bytes_as_outside(lab: Lab) -> None:
    text = "The night ferry left at ten. Nobody was on deck.\n\n夜里的渡船十点开走。\n"
    (lab.folder / "text.txt").write_text(text, "utf-8")
    words = ["narrate", str(lab.folder / "text.txt"), "-o", str(lab.folder / "outside.flac")]
    command = [sys.executable, "-m", "supervisor", "--state", str(lab.folder / "state"), *words]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    unit = Unit(
        scope="system",
        command=[sys.executable, "-m", "supervisor"],
        systemd_version=252,
        environment={"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
    ).text()
    unit = unit.replace(" serve\n", " narrate /srv/text.txt -o inside.flac\n")
    unit = unit.replace("Type=notify\n", "Type=oneshot\n").replace("Restart=on-failure\n", "")
    unit = unit.replace("WatchdogSec=30\n", "")
    lab.unit("narrate.service", unit)
    lab.run("systemctl", "start", "narrate.service", check=False)
    said = lab.journal("-u", "narrate.service")
    assert lab.show("narrate.service", "Result") == {"Result": "success"}, said
    inside = lab.run("sha256sum", "/var/lib/tts-supervisor/inside.flac").split()[0]
    assert inside == hashlib.sha256((lab.folder / "outside.flac").read_bytes()).hexdigest()
    assert "ledger.sqlite3" in lab.run("ls", "/var/lib/tts-supervisor").split()
