"""Files of tensors in safetensors' format: names and shapes before anything is read, and whether numbers are finite."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raycal.errors import RaycalError

# Of each kind of floating-point number, the integers that it is stored as, and the bits of its exponent: where all of
# them are set, it is infinite or NaN.
_EXPONENTS: dict[str, tuple[type[np.unsignedinteger[Any]], int]] = {
    "F64": (np.uint64, 0x7FF0_0000_0000_0000),
    "F32": (np.uint32, 0x7F80_0000),
    "F16": (np.uint16, 0x7C00),
    "BF16": (np.uint16, 0x7F80),
}
_CHUNK = 1 << 22  # numbers that are looked at together


class TensorFileError(RaycalError, ValueError):
    """A file of tensors is broken; the message names it."""


@dataclass(frozen=True)
class Tensor:
    """A tensor in a file."""

    dtype: str  # as safetensors has it, such as BF16
    shape: tuple[int, ...]
    start: int  # in bytes


def read_header(path: Path) -> dict[str, Tensor]:
    """The tensors of a file by name; none of their numbers is read. Raises TensorFileError."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np"):  # sizes and places, against those of the file
            pass
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(size))
    except (SafetensorError, ValueError, RecursionError) as error:
        raise TensorFileError(f"{path} is no file of tensors in safetensors' format: {error}") from error
    return {
        name: Tensor(entry["dtype"], tuple(entry["shape"]), 8 + size + entry["data_offsets"][0])
        for name, entry in header.items()
        if name != "__metadata__"
    }


def check_finite(path: Path, tensors: dict[str, Tensor]) -> None:
    """Raise TensorFileError for a tensor with NaN or an infinity, and for one that is not of floating-point numbers."""
    for name, tensor in tensors.items():
        if tensor.dtype not in _EXPONENTS:
            raise TensorFileError(f"{path}: {name} is of {tensor.dtype}, and weights are of {', '.join(_EXPONENTS)}")
        stored, exponent = _EXPONENTS[tensor.dtype]
        if any((numbers & stored(exponent) == exponent).any() for numbers in _chunks(path, tensor, stored)):
            raise TensorFileError(f"{path}: {name} has numbers that are infinite or NaN: what wrote it went wrong")


def _chunks(
    path: Path, tensor: Tensor, stored: type[np.unsignedinteger[Any]]
) -> Iterator[NDArray[np.unsignedinteger[Any]]]:
    count = math.prod(tensor.shape)
    with path.open("rb") as file:
        file.seek(tensor.start)
        for start in range(0, count, _CHUNK):
            yield np.fromfile(file, stored, min(_CHUNK, count - start))
