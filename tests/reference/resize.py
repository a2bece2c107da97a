"""Writes resize.jsonl: images made smaller and larger by PyTorch's interpolate."""

from pathlib import Path

import torch
import values
from torch.nn.functional import interpolate

ROWS = 2
CASES = [
    ("area", [8, 6, 1], [4, 3]),
    ("area", [7, 5, 3], [4, 4]),
    ("area", [5, 4, 2], [1, 1]),
    ("area", [3, 4, 1], [5, 7]),
    ("bilinear", [4, 3, 2], [8, 7]),
    ("bilinear", [7, 5, 1], [3, 4]),
    ("bilinear", [1, 2, 1], [3, 5]),
    ("bilinear", [5, 5, 1], [5, 5]),
]


def resized(mode: str, shape: list[int], to: list[int]) -> dict:
    """A case with what becomes of its images, [rows, height, width, channels]."""
    images = torch.from_numpy(values.uniform(f"resize/{shape}", [ROWS, *shape], -1, 1)).double()
    align = {"align_corners": False} if mode == "bilinear" else {}
    result = interpolate(images.permute(0, 3, 1, 2), size=to, mode=mode, **align)
    return {
        "mode": mode,
        "shape": shape,
        "to": to,
        "values": values.numbers(result.permute(0, 2, 3, 1).flatten().numpy()),
    }


def main() -> None:
    """Writes the fixture."""
    path = Path(__file__).with_name("resize.jsonl")
    values.write(path, {"cases": [resized(*case) for case in CASES]})


if __name__ == "__main__":
    main()
