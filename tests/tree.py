"""The project's own files, for the tests that look at all of them."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]


def tracked() -> list[Path]:
    """Every file of the project: tracked, or new and not ignored."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    return [path for name in sorted(set(listed.split("\0")) - {""}) if (path := ROOT / name).is_file()]


def sources() -> list[Path]:
    """Every Python file."""
    return [path for path in tracked() if path.suffix == ".py"]


def named(path: Path) -> str:
    """A file's name as people say it."""
    return path.relative_to(ROOT).as_posix()


def page(name: str) -> str:
    """The text of a file."""
    return (ROOT / name).read_text("utf-8")
