"""Which files a request may name: those below the folders of `http.output_folders`, and no others.

A name is followed to where it leads, links included, before it is judged. JSON-RPC names files in the params
of a few methods; all methods are known here, so that a new one is not offered before it was looked at.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from supervisor.doors import jsonrpc as rpc
from supervisor.doors.http.spans import NotThere, open_plain
from supervisor.doors.mcp import TOOLS
from supervisor.doors.params import ToolCall, read_params, speech_of, submission_of
from supervisor.loop.speaking import GivenInput, Submission

#: Methods that name no files.
HARMLESS: Final = frozenset(
    {
        "server/discover",
        "initialize",
        "ping",
        "tools/list",
        "jobs/get",
        "jobs/list",
        "jobs/watch",
        "jobs/cancel",
        "jobs/pause",
        "jobs/resume",
        "jobs/retry",
        "status",
        "memory/clean",
        "child/recycle",
        "shutdown",
    }
)

#: For who sits at the machine: paths of the state, and where models lie.
KEPT_BACK: Final = frozenset({"config/get"})


class Fence:
    """One door's.

    Args:
        folders: Absolute; empty = no file at all.
    """

    def __init__(self, folders: Sequence[str]) -> None:
        self._folders = [os.path.realpath(folder) for folder in folders]
        self._named: dict[str, Callable[[bytes], None]] = {
            "synthesize": self._speech,
            "jobs/submit": self._submission,
            "tools/call": self._tool,
        }

    def has(self, path: str) -> bool:
        """Say whether an absolute path leads below one of the folders, whoever follows it."""
        # Whoever opens it may take ".." out of the text first, or follow links first: both must stay inside.
        leads = {Path(os.path.realpath(path)), Path(os.path.realpath(os.path.abspath(path)))}  # noqa: PTH100 - pathlib has no abspath without resolve
        return all(self._holds(found) for found in leads)

    def _holds(self, path: Path) -> bool:
        return any(path.is_relative_to(folder) for folder in self._folders)

    def open(self, path: str) -> int:
        """Open a plain file below one of the folders, by its absolute path; return its descriptor.

        Raises:
            NotThere: If there is none.
        """
        if not self.has(path):
            raise NotThere(0, "it lies in none of http.output_folders")
        opened = open_plain(path)
        # A folder above it may have become a link since it was looked at: what counts is what is open.
        if self._holds(Path(os.readlink(f"/proc/self/fd/{opened}"))):  # noqa: PTH115 - a string is read
            return opened
        os.close(opened)
        raise NotThere(0, "it lies in none of http.output_folders any more")

    def must_allow(self, method: str, params: bytes) -> None:
        """Let a call of JSON-RPC pass.

        Args:
            method: That there is.
            params: As JSON text.

        Raises:
            Fault: If the params are wrong, or name a file outside.
        """
        if method in HARMLESS:
            return
        if method not in self._named:
            raise rpc.Fault(rpc.unknown_method(method, (*HARMLESS, *self._named)))
        self._named[method](params)

    def _speech(self, params: bytes) -> None:
        wanted = speech_of(params)
        if wanted.audio == "inline":
            raise rpc.invalid_params(
                "params.audio: an answer over HTTP has no room for it; POST /v1/audio/speech streams audio"
            )
        if wanted.output_file is not None:
            self._must_be_inside("output_file", wanted.output_file)

    def _submission(self, params: bytes) -> None:
        wanted = submission_of(params)
        if wanted.voice is not None and "/" in wanted.voice:
            # The service would say whether there is such a file.
            raise rpc.invalid_params("params.voice: need the name of a voice, got a path")
        for number, given in enumerate(wanted.inputs or ()):
            if isinstance(given, GivenInput) and given.text is not None:
                _must_name_nothing(f"inputs[{number}]", given)
        if wanted.seen:
            raise rpc.invalid_params("params.seen: says what lies where, which is not told over HTTP")
        for name, path in _named_by(wanted):
            self._must_be_inside(name, os.path.join(wanted.folder or "", path))  # noqa: PTH118 - it ends in a slash, or not

    def _tool(self, params: bytes) -> None:
        wanted = read_params(params, ToolCall)
        tool = TOOLS.get(wanted.name)
        arguments = bytes(wanted.arguments)
        if tool is not None and (not arguments or arguments.startswith(b"{")):
            self.must_allow(tool.method, arguments)

    def _must_be_inside(self, name: str, path: str) -> None:
        if self.has(path):
            return
        message = (
            f"{name}: {rpc.shown(path)} is in none of the folders that requests over HTTP may name; "
            "list its folder in http.output_folders"
        )
        raise rpc.Fault(rpc.own_error("bad_input", message, retryable=False))


def _must_name_nothing(name: str, given: GivenInput) -> None:
    """Refuse lines that come with the request and may name recordings anywhere; plain text names nothing."""
    called = given.name if given.path is None else given.path
    if called.lower().endswith(".jsonl"):
        raise rpc.invalid_params(
            f"params.{name}: lines of a JSONL may name recordings, so they are not taken from a request; "
            "save them in a folder of http.output_folders, or give each text by itself"
        )


def _named_by(wanted: Submission) -> Iterator[tuple[str, str]]:
    """Every path in a submission, and what it is called there."""
    yield "output", wanted.output
    if wanted.reference is not None:
        yield "reference", wanted.reference
    if wanted.voice is not None and "." in wanted.voice:
        yield "voice", wanted.voice  # it is looked whether that is a file
    for number, given in enumerate(wanted.inputs or ()):
        if isinstance(given, str):
            yield f"inputs[{number}]", given
            continue
        for key, path in (("text_file", given.text_file), ("path", given.path)):
            if path is not None:
                yield f"inputs[{number}].{key}", path
