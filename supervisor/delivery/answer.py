"""An order's lines into an answer: what went wrong is said, by kind."""

from collections.abc import Callable, Iterable

from supervisor.delivery.order import BadAudio, Delivered, ErrorKind, OrderError, read_order
from supervisor.delivery.writer import deliver
from supervisor.errors import DiskFull, TryLater, Unwritable

Answer = dict[str, Delivered | dict[str, str | int]]


def answer(lines: Iterable[bytes], *, alive: Callable[[], object] = bool) -> tuple[Answer, int]:
    """Carry out an order.

    Args:
        lines: Of the order.
        alive: Called as the work gets on.

    Returns:
        The answer, and the exit status: 0 or 1.
    """
    path = ""
    try:
        order, pieces = read_order(lines)
        path = order.path
        return {"ok": deliver(order, pieces, alive=alive)}, 0
    except (DiskFull, Unwritable, TryLater, BadAudio, OrderError) as error:
        said: dict[str, str | int] = {"kind": _kind(error), "message": str(error), "path": path}
        if isinstance(error, DiskFull):
            said["needed_bytes"] = error.needed_bytes
        return {"error": said}, 1


def _kind(error: TryLater | Unwritable | BadAudio | OrderError) -> ErrorKind:
    match error:
        case DiskFull():
            return "disk_full"
        case TryLater():
            return "in_use"
        case Unwritable():
            return "unwritable"
        case BadAudio():
            return "bad_audio"
        case OrderError():
            return "internal"
