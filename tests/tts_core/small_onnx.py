"""An ONNX file with the speaker encoder's signature, written by hand: the `onnx` package is not needed.

Field numbers are those of onnx.proto. The graph is the mean over time of the absolute fbank, times a matrix.
"""

import struct
from collections.abc import Sequence

_FLOAT, _INT64 = 1, 7
_BINS, _SIZE = 80, 192


def speaker_encoder(matrix: Sequence[float]) -> bytes:
    """Return the file's bytes.

    Args:
        matrix: 80 rows of 192, row by row. Input `fbank` [1, T, 80], output `embedding` [1, 192].
    """
    nodes = (
        _node("Abs", ["fbank"], "loud"),
        _node("ReduceMean", ["loud", "axes"], "mean", keepdims=0),
        _node("MatMul", ["mean", "matrix"], "embedding"),
    )
    graph = b"".join(
        (
            *(_field(1, node) for node in nodes),
            _field(2, b"small_speaker_encoder"),
            _field(5, _tensor("matrix", _FLOAT, [_BINS, _SIZE], struct.pack(f"<{len(matrix)}f", *matrix))),
            _field(5, _tensor("axes", _INT64, [1], struct.pack("<q", 1))),
            _field(11, _value("fbank", [1, "T", _BINS])),
            _field(12, _value("embedding", [1, _SIZE])),
        )
    )
    opset = _field(1, b"") + _number(2, 18)
    return _number(1, 9) + _field(7, graph) + _field(8, opset)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*out, value))


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _field(field: int, body: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(body)) + body


def _node(kind: str, inputs: Sequence[str], output: str, *, keepdims: int | None = None) -> bytes:
    body = b"".join(_field(1, name.encode()) for name in inputs)
    body += _field(2, output.encode()) + _field(4, kind.encode())
    if keepdims is not None:
        body += _field(5, _field(1, b"keepdims") + _number(3, keepdims) + _number(20, 2))
    return body


def _tensor(name: str, kind: int, shape: Sequence[int], raw: bytes) -> bytes:
    dimensions = b"".join(_number(1, size) for size in shape)
    return dimensions + _number(2, kind) + _field(8, name.encode()) + _field(9, raw)


def _value(name: str, shape: Sequence[int | str]) -> bytes:
    sizes = b"".join(
        _field(1, _number(1, size) if isinstance(size, int) else _field(2, size.encode())) for size in shape
    )
    return _field(1, name.encode()) + _field(2, _field(1, _number(1, _FLOAT) + _field(2, sizes)))
