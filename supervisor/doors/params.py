"""Read what a request asks for: typed, bounded, every fault named by its field. Pure."""

from typing import Final, TypeVar

import msgspec

from supervisor.doors.jsonrpc import invalid_params, shown
from supervisor.loop.speaking import GivenInput, SpeechRequest, Submission

#: As `--seed` has it: what the ledger's integers hold.
MAX_SEED: Final = 2**63 - 1
#: From telephone to studio, as `--sample-rate` has it.
MIN_RATE_HZ: Final = 8000
MAX_RATE_HZ: Final = 192_000
#: A day, as `--timeout` has it: who waits longer has forgotten it.
MAX_WAIT_S: Final = 86400.0
#: Of what a message repeats of a client's own words.
_SHOWN_CHARS = 300
_SHOWN_BITS = 128

P = TypeVar("P", bound=msgspec.Struct)


class Nothing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of a method that takes no params."""


class Named(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of a method that is about one job."""

    job: str


class Listed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of `jobs/list`.

    Attributes:
        after: The jobs younger than this one; None = from the oldest.
    """

    after: str | None = None


class Cancelled(msgspec.Struct, frozen=True, kw_only=True):
    """Of `notifications/cancelled`.

    Attributes:
        requestId: Of the request that nobody waits for any more.
        reason: For people.
    """

    requestId: int | float | str | None  # noqa: N815 - MCP's spelling is the field's name
    reason: str | None = None


class Greeted(msgspec.Struct, frozen=True, kw_only=True):
    """Of `initialize`; what else MCP puts there is passed over.

    Attributes:
        protocolVersion: Of MCP, that the client would speak; None = it speaks none.
    """

    protocolVersion: str | None = None  # noqa: N815 - MCP's spelling is the field's name


class ToolCall(msgspec.Struct, frozen=True, kw_only=True):
    """Of `tools/call`.

    Attributes:
        name: Of the tool.
        arguments: As JSON text of an object; empty where there are none.
    """

    name: str
    arguments: msgspec.Raw = msgspec.Raw()


class Meta(msgspec.Struct, frozen=True, kw_only=True):
    """What MCP puts beside the params of any request.

    Attributes:
        progressToken: Wanted in `notifications/progress`; None = nothing of that is wanted.
    """

    progressToken: int | str | None = None  # noqa: N815 - MCP's spelling is the field's name


class _WithMeta(msgspec.Struct):
    meta: Meta = msgspec.field(default=Meta(), name="_meta")


_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
_with_meta = msgspec.json.Decoder(_WithMeta)


def read_params(params: bytes, wanted: type[P]) -> P:
    """Read the params of a request; `_meta` is MCP's and may stand beside all of them.

    Args:
        params: JSON text of an object or an array; empty where there are none.
        wanted: What they are to be.

    Raises:
        Fault: Invalid params, naming the field.
    """
    if params.startswith(b"[") and params[1:-1].strip():
        raise invalid_params("params: need an object with names, got an array")
    text = b"{}" if not params or params.startswith(b"[") else params
    try:
        if b'"_meta"' in text:
            fields = _fields.decode(text)
            fields.pop("_meta", None)
            text = msgspec.json.encode(fields)
        return msgspec.json.decode(text, type=wanted)
    except (msgspec.DecodeError, RecursionError) as error:
        raise invalid_params(in_words(error)) from error


def read_meta(params: bytes) -> Meta:
    """Read what stands beside the params.

    Raises:
        Fault: Invalid params, naming the field.
    """
    if b'"_meta"' not in params or params.startswith(b"["):
        return Meta()
    try:
        return _with_meta.decode(params).meta
    except (msgspec.DecodeError, RecursionError) as error:
        raise invalid_params(in_words(error)) from error


def speech_of(params: bytes) -> SpeechRequest:
    """Read the params of `synthesize`.

    Raises:
        Fault: Invalid params, naming the field.
    """
    wanted = read_params(params, SpeechRequest)
    _check_text("text", wanted.text)
    _check_seed(wanted.seed)
    _check_rate(wanted.sample_rate)
    _check_path("output_file", wanted.output_file)
    if wanted.deadline_s is not None and not 0 < wanted.deadline_s <= MAX_WAIT_S:
        raise invalid_params(
            f"params.deadline_s: need seconds over 0 and up to {MAX_WAIT_S:g}, got {wanted.deadline_s:g}"
        )
    return wanted


def submission_of(params: bytes) -> Submission:
    """Read the params of `jobs/submit`.

    Raises:
        Fault: Invalid params, naming the field.
    """
    wanted = read_params(params, Submission)
    if (wanted.inputs is None) == (wanted.text is None):
        raise invalid_params("params.inputs: give either `inputs` or `text`, and not both")
    if wanted.inputs is not None and not wanted.inputs:
        raise invalid_params("params.inputs: need at least one path, got none")
    for number, one in enumerate(wanted.inputs or ()):
        _check_input(f"inputs[{number}]", one)
    if wanted.text is not None:
        _check_text("text", wanted.text)
    _check_path("output", wanted.output)
    for name, path in (("folder", wanted.folder), ("reference", wanted.reference)):
        _check_absolute(name, path)
    for path in wanted.seen:
        _check_absolute("seen", path)
    _check_seed(wanted.seed)
    _check_rate(wanted.sample_rate)
    return wanted


def in_words(error: Exception) -> str:
    """Return what a decoder found, beginning with the field that it is about."""
    if isinstance(error, RecursionError):
        return "params: nested too deeply"
    found, _, where = str(error).partition(" - at `$")
    return f"params{where.rstrip('`')}: {found[0].lower()}{found[1:]}"[:_SHOWN_CHARS]


def _check_text(name: str, text: str) -> None:
    if not text.strip():
        raise invalid_params(f"params.{name}: is empty; there is nothing to speak")


def _check_path(name: str, path: str | None) -> None:
    if path is not None and (not path or "\0" in path):
        raise invalid_params(f"params.{name}: need a path, got {shown(path)}")


def _check_absolute(name: str, path: str | None) -> None:
    _check_path(name, path)
    if path is not None and not path.startswith("/"):
        raise invalid_params(f"params.{name}: need an absolute path, got {shown(path)}")


def _check_input(name: str, one: str | GivenInput) -> None:
    if isinstance(one, str):
        _check_path(name, one)
        return
    _check_path(f"{name}.name", one.name)
    _check_absolute(f"{name}.path", one.path)
    _check_absolute(f"{name}.text_file", one.text_file)
    if (one.text is None) == (one.text_file is None):
        raise invalid_params(f"params.{name}: give either `text` or `text_file`, and not both")


def _check_seed(seed: int) -> None:
    if not 0 <= seed <= MAX_SEED:
        raise invalid_params(f"params.seed: need a whole number from 0 to {MAX_SEED}, got {_number(seed)}")


def _check_rate(rate_hz: int | None) -> None:
    if rate_hz is not None and not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
        raise invalid_params(
            f"params.sample_rate: need a rate from {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz, got {_number(rate_hz)}"
        )


def _number(value: int) -> str:
    # Python refuses to write integers of thousands of digits, which JSON may hold.
    return str(value) if value.bit_length() <= _SHOWN_BITS else "one of very many digits"
