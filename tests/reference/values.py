"""Numbers by a formula, equal bit for bit to those of values.ts.

Weights, batches and logits of the reference cases come from here, so that no fixture has to hold
them. A number depends on the name of its tensor and its flat index alone.
"""

import json
import math
from pathlib import Path

import numpy as np

SAMPLES = 8
LINE = 20_000


def fnv1a(data: bytes) -> int:
    """The 32-bit FNV-1a hash of some bytes."""
    value = 0x811C9DC5
    for byte in data:
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return value


def bits(name: str, size: int) -> np.ndarray:
    """32 random bits for each index: the name's hash plus a Weyl sequence, mixed by MurmurHash3."""
    value = np.uint32(fnv1a(name.encode())) + np.arange(size, dtype=np.uint32) * np.uint32(
        0x9E3779B9
    )
    value = (value ^ (value >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    value = (value ^ (value >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return value ^ (value >> np.uint32(16))


def uniform(name: str, shape: list[int], low: float, high: float) -> np.ndarray:
    """Float32 numbers in [low, high), computed in float64 and rounded once."""
    unit = (bits(name, math.prod(shape)) >> np.uint32(8)) / 2**24
    return (low + (high - low) * unit).astype(np.float32).reshape(shape)


def integers(name: str, size: int, count: int) -> np.ndarray:
    """Whole numbers in [0, count)."""
    return (bits(name, size) % np.uint32(count)).astype(np.int64)


def values(name: str, shape: list[int]) -> np.ndarray:
    """The starting value of a variable; its range follows from the last part of its name."""
    part = name.rsplit("/", 1)[-1]
    if part == "kernel":
        # As wide as He et al. (2015) want it: the variance is 2 / fan-in.
        bound = math.sqrt(6 / math.prod(shape[:-1]))
        return uniform(name, shape, -bound, bound)
    low, high = {
        "scale": (0.5, 1.5),
        "offset": (-0.1, 0.1),
        "bias": (-0.1, 0.1),
        "mean": (0.0, 0.0),
        "variance": (1.0, 1.0),
    }[part]
    return uniform(name, shape, low, high)


def checksum(array: np.ndarray) -> int:
    """The FNV-1a hash of the float32 numbers, little-endian."""
    return fnv1a(array.astype("<f4").tobytes())


def sample_indices(size: int) -> list[int]:
    """Flat indices spread by the golden ratio, so that no axis is sampled at one place only."""
    return [math.floor(size * (k * 0.6180339887498949 % 1)) for k in range(1, SAMPLES + 1)]


def number(value: float) -> float:
    """A number with the digits that a fixture keeps."""
    return float(f"{float(value):.6g}")


def numbers(array: np.ndarray) -> list:
    """The same for an array, nested as it is."""
    return [numbers(row) if np.ndim(row) else number(row) for row in array]


def summary(array: np.ndarray) -> dict:
    """What a fixture keeps of a large tensor."""
    flat = np.asarray(array, dtype=np.float64).ravel()
    return {
        "norm": number(np.linalg.norm(flat)),
        "sum": number(flat.sum()),
        "samples": numbers(flat[sample_indices(flat.size)]),
    }


def write(path: Path, document: dict) -> None:
    """Writes a fixture: JSON lines, objects that merge into one."""
    path.write_text(
        "".join(
            json.dumps(part, ensure_ascii=False, separators=(",", ":")) + "\n"
            for part in split(document)
        )
    )


def split(document: dict) -> list[dict]:
    """The parts of an object, each short enough for a line."""
    if len(json.dumps(document)) <= LINE:
        return [document]
    return [
        {key: part}
        for key, value in document.items()
        for part in (split(value) if isinstance(value, dict) else [value])
    ]
