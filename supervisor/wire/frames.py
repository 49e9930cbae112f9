"""Frames: a 4-byte big-endian length, then a msgpack body `[number, message]`.

Sans-IO and bounded: an oversized announcement is refused after four bytes, before
anything is kept of it. However the stream is cut, the same bodies come out.
"""

from functools import partial
from typing import TYPE_CHECKING, cast

import msgpack
import msgspec

from supervisor.wire.errors import LocalError, PeerError
from supervisor.wire.messages import FromChild, FromParent, Message

if TYPE_CHECKING:
    from collections.abc import Callable

#: One chunk of audio is at most 128 KiB; a list of every voice stays below 100 KiB; a
#: segment's text below 1 MiB. Twice the largest leaves room and still bounds the parent.
MAX_BODY_BYTES = 2 * 1024 * 1024

_LENGTH_BYTES = 4

# msgpack ships no types; these two are all that is used of it.
_pack = cast("Callable[[object], bytes]", msgpack.packb)
_unpack = cast("Callable[[bytes], object]", partial(msgpack.unpackb, strict_map_key=True))  # pyright: ignore[reportUnknownMemberType] -- see above


def encode(number: int, message: Message) -> bytes:
    """Return one frame.

    Raises:
        LocalError: If the body would be longer than `MAX_BODY_BYTES`.
    """
    body = _pack([number, msgspec.to_builtins(message, builtin_types=(bytes,))])
    if len(body) > MAX_BODY_BYTES:
        name = type(message).__name__
        raise LocalError(f"{name} of {len(body)} bytes is over the {MAX_BODY_BYTES} of a frame")
    return len(body).to_bytes(_LENGTH_BYTES, "big") + body


def decode_from_child(body: bytes) -> tuple[int, FromChild]:
    """Return number and message of a body that a child sent.

    Raises:
        PeerError: If it is not exactly one message of the contract.
    """
    return _decode(body, FromChild)  # pyright: ignore[reportReturnType] -- a union is no class


def decode_from_parent(body: bytes) -> tuple[int, FromParent]:
    """Return number and message of a body that a parent sent.

    Raises:
        PeerError: If it is not exactly one message of the contract.
    """
    return _decode(body, FromParent)  # pyright: ignore[reportReturnType] -- a union is no class


def _decode(body: bytes, kinds: object) -> tuple[int, object]:
    try:
        # unpackb bounds every length inside by the body's own, so a small body cannot
        # announce a huge container; nested too deeply, it raises StackError, a ValueError.
        raw = _unpack(body)
    except (ValueError, msgpack.exceptions.UnpackException) as error:
        said = str(error) or type(error).__name__
        raise PeerError(f"a frame of {len(body)} bytes is not msgpack: {said}") from error
    try:
        number, message = msgspec.convert(raw, tuple[int, object])
    except msgspec.ValidationError as error:
        raise PeerError(f"a frame's body is not [number, message]: {error}") from error
    try:
        return number, msgspec.convert(message, kinds)
    except msgspec.ValidationError as error:
        raise PeerError(f"frame {number} is no message of the contract: {error}") from error


class FrameReader:
    """Cut a stream of bytes into bodies."""

    def __init__(self) -> None:
        self._kept = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Take what was read and return the bodies that are whole now.

        Raises:
            PeerError: If a frame announces more than `MAX_BODY_BYTES`, or nothing at all.
        """
        self._kept += data
        bodies: list[bytes] = []
        at = 0
        while len(self._kept) - at >= _LENGTH_BYTES:
            length = int.from_bytes(self._kept[at : at + _LENGTH_BYTES], "big")
            if not 0 < length <= MAX_BODY_BYTES:
                raise PeerError(f"a frame announces {length} bytes, allowed 1..{MAX_BODY_BYTES}")
            end = at + _LENGTH_BYTES + length
            if len(self._kept) < end:
                break
            bodies.append(bytes(self._kept[at + _LENGTH_BYTES : end]))
            at = end
        del self._kept[:at]
        return bodies

    def close(self) -> None:
        """Say that the stream has ended.

        Raises:
            PeerError: If it ended within a frame.
        """
        if self._kept:
            raise PeerError(f"the stream ended {len(self._kept)} bytes into a frame")
