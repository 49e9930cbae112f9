"""Draws that the parts of the small checkpoint are made of."""

import json
from pathlib import Path

import torch
from torch import Generator, Tensor

Tensors = dict[str, Tensor]


def normal(chance: Generator, *shape: int, scale: float = 1.0) -> Tensor:
    """Draw a float32 tensor of a shape, with `scale` as its standard deviation."""
    return torch.randn(*shape, generator=chance) * scale


def linear(chance: Generator, outer: int, inner: int, *kernel: int, gain: float = 1.0) -> Tensor:
    """Draw the weight of a linear or convolution layer, [outer, inner, *kernel], that keeps the variance."""
    fan_in = inner
    for size in kernel:
        fan_in *= size
    return normal(chance, outer, inner, *kernel, scale=gain * fan_in**-0.5)


def write_json(path: Path, value: object) -> None:
    """Write a file of JSON as it is downloaded: UTF-8, no escapes."""
    path.write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")), "utf-8")
