"""The benchmark of detection prints its table."""

import json
import subprocess
import sys

from tests.tree import ROOT

SMALL = ["--half", "train", "--seeds", "1", "--texts", "120", "--jobs", "1", "--only", "plain", "constant"]


def ran(*more: str) -> str:
    command = [sys.executable, "-m", "benchmarks.leaks", *SMALL, *more]
    return subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout


def test_the_table_has_a_line_for_ours_for_what_is_hidden_and_for_the_usual_rules() -> None:
    said = ran("--kinds")
    for name in ("ours ", "ours, no declared caches", "CUSUM", "Mann-Kendall", "loky", "every 100 segments"):
        assert name in said
    assert "train: 1 benign traces (120 segments), 1 with a leak" in said


def test_the_figures_come_as_json_too() -> None:
    rows = json.loads(ran("--json", "--ours"))
    ours = rows["ours"]
    assert (ours["false_traces"], ours["found"], ours["leaky_traces"]) == (0, 1, 1)
    assert len(rows) == 4
