"""What the delivery process is told: one JSON object a line, made as they are needed."""

import json
from collections.abc import Iterator

from supervisor.edge.ledger import Ledger
from supervisor.edge.ledger_values import FileToDeliver, Silence


def delivery_order(ledger: Ledger, job: str, file: FileToDeliver) -> Iterator[bytes]:
    """Yield the order for one finished file, as `supervisor/delivery/order.py` has it.

    Raises:
        LedgerError: If a segment is neither done nor failed, or there is no such job.
    """
    yield _line(path=file.path, format=file.format, sample_rate_hz=file.sample_rate_hz, title=file.title)
    for piece in ledger.pieces(job, file):
        if isinstance(piece, Silence):
            yield _line(silence_s=piece.seconds)
        else:
            yield _line(
                wav=str(piece.wav),
                sample_rate_hz=piece.sample_rate_hz,
                samples=piece.samples,
                sha256=piece.sha256,
            )
    yield _line(end=True)


def _line(**fields: str | float | bool) -> bytes:
    return json.dumps(fields).encode("utf-8") + b"\n"
