"""The command line of jq over the library of jq, where the program itself is not installed.

    python -m tests.standin.jq [-c] [-e] [-n] [-r] [--arg NAME TEXT] [--argjson NAME JSON] FILTER

What examples use of it, and no more; the filters are run by jq's own code.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Protocol, cast


class _Ready(Protocol):
    def all(self) -> list[object]: ...


class _Program(Protocol):
    def input_text(self, text: str) -> _Ready: ...


class _Jq(Protocol):
    """What is used of the library, which ships no types."""

    def compile(self, program: str, *, args: dict[str, object]) -> _Program: ...


def main(words: Sequence[str]) -> int:
    """Run a filter over standard input; return what jq would exit with."""
    import jq  # noqa: PLC0415 -- of the development group alone

    given = _read(words)
    args: dict[str, object] = dict(given.arg) | {name: json.loads(text) for name, text in given.argjson}
    program = cast("_Jq", jq).compile(given.filter, args=args)
    try:
        found = program.input_text("null" if given.null_input else sys.stdin.read()).all()
    except ValueError as error:
        sys.stderr.write(f"jq: error: {error}\n")
        return 5
    for one in found:
        sys.stdout.write(_shown(one, raw=given.raw_output, compact=given.compact_output) + "\n")
    if not given.exit_status:
        return 0
    return 4 if not found else int(found[-1] in (None, False))


def _shown(value: object, *, raw: bool, compact: bool) -> str:
    if raw and isinstance(value, str):
        return value
    if compact:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return json.dumps(value, ensure_ascii=False, indent=2)


def _read(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="jq")
    for short, long in (("-c", "compact"), ("-e", "exit"), ("-n", "null"), ("-r", "raw")):
        rest = {"exit": "status", "null": "input"}.get(long, "output")
        parser.add_argument(short, f"--{long}-{rest}", action="store_true")
    for name in ("--arg", "--argjson"):
        parser.add_argument(name, nargs=2, action="append", default=[])
    parser.add_argument("filter")
    return parser.parse_args(words)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
