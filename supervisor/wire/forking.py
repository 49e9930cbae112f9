"""What is said between the parent and the template that children are forked from.

Each message is one packet of a SOCK_SEQPACKET socket: a msgpack map with `type`. A `Fork` carries
three descriptors for the new child: frames to read, frames to write, stderr.

Parent to template:  Prepare (once, first), Fork
Template to parent:  Warm or Unfit (once), then Born or Refused for each Fork, in order
"""

from functools import partial
from typing import TYPE_CHECKING, Final, cast

import msgpack
import msgspec

from supervisor.wire.errors import LocalError, PeerError
from supervisor.wire.messages import Message, Setting

if TYPE_CHECKING:
    from collections.abc import Callable

#: A packet of a local socket must fit the kernel's buffer of it, 208 KiB by default.
MAX_PACKET_BYTES: Final = 128 * 1024

#: Names of the processes for `ps`, at most 15 bytes (PR_SET_NAME).
CHILD_NAME: Final = "tts-child"
TEMPLATE_NAME: Final = "tts-template"

#: With each `Fork`.
DESCRIPTORS: Final = 3

# msgpack ships no types; these two are all that is used of it.
_pack = cast("Callable[[object], bytes]", msgpack.packb)
_unpack = cast("Callable[[bytes], object]", partial(msgpack.unpackb, strict_map_key=True))  # pyright: ignore[reportUnknownMemberType] -- see above


class Prepare(Message, frozen=True, kw_only=True, tag="prepare"):
    """Import this engine and prepare it; the fields are those of `Hello`."""

    engine: str
    device: str
    settings: dict[str, Setting]


class Fork(Message, frozen=True, kw_only=True, tag="fork"):
    """Fork a child for this life."""

    life: int


class Warm(Message, frozen=True, kw_only=True, tag="warm"):
    """Ready to fork from.

    Attributes:
        weight_files: Absolute paths that a child reads at its start.
        private_bytes: Private host memory of the template.
        took_s: From the start of the process.
    """

    weight_files: list[str]
    private_bytes: int
    took_s: float


class Unfit(Message, frozen=True, kw_only=True, tag="unfit"):
    """This engine cannot be prepared.

    Attributes:
        why: In words.
        for_good: No other start would get further: what is configured is not there, or does not fit.
    """

    why: str
    for_good: bool


class Born(Message, frozen=True, kw_only=True, tag="born"):
    """The child of this life runs, and is the parent's own child by now."""

    life: int
    pid: int


class Refused(Message, frozen=True, kw_only=True, tag="refused"):
    """No child came of this request.

    Attributes:
        for_good: The template can never fork again: a thread runs in it, or it has touched CUDA.
    """

    life: int
    why: str
    for_good: bool


ToTemplate = Prepare | Fork
FromTemplate = Warm | Unfit | Born | Refused


def encode_packet(message: ToTemplate | FromTemplate) -> bytes:
    """Return one packet.

    Raises:
        LocalError: If it would be longer than `MAX_PACKET_BYTES`.
    """
    packet = _pack(msgspec.to_builtins(message))
    if len(packet) > MAX_PACKET_BYTES:
        name = type(message).__name__
        raise LocalError(f"{name} of {len(packet)} bytes is over the {MAX_PACKET_BYTES} of a packet")
    return packet


def decode_order(packet: bytes) -> ToTemplate:
    """Return what the parent asks.

    Raises:
        PeerError: If it is no such message.
    """
    return cast("ToTemplate", _decode(packet, ToTemplate))


def decode_answer(packet: bytes) -> FromTemplate:
    """Return what the template says.

    Raises:
        PeerError: If it is no such message.
    """
    return cast("FromTemplate", _decode(packet, FromTemplate))


def _decode(packet: bytes, kinds: object) -> object:
    try:
        return msgspec.convert(_unpack(packet), kinds)
    except (ValueError, msgpack.exceptions.UnpackException, msgspec.ValidationError) as error:
        said = str(error) or type(error).__name__
        raise PeerError(f"a packet of {len(packet)} bytes is no message of a template's: {said}") from error
