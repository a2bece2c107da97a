"""Writes clipping.jsonl: gradients that PyTorch's clip_grad_norm_ has shortened.

The model is a table of which rows are used more than once, a matrix and a vector. The loss is linear in
what it reads, so that the gradients are the factors, summed by row of the table.
"""

from pathlib import Path

import torch
import values
from torch.nn.utils import clip_grad_norm_

ROWS, SIZE = 6, 4
IDS = [3, 0, 3, 5, 3, 0]
SHAPES = {"light/matrix": [3, 5], "booster/vector": [7]}
OWNERS = {"table": "shared", "light/matrix": "light", "booster/vector": "booster"}
CASES = [
    {"norm": 0.5, "per": "all"},
    {"norm": 2, "per": "all"},
    {"norm": 1000, "per": "all"},
    {"norm": 0.5, "per": "owner"},
    {"norm": 2, "per": "owner"},
]


def factors(name: str, shape: list[int]) -> torch.Tensor:
    """What the loss multiplies a tensor by."""
    return torch.from_numpy(values.uniform(f"clipping/{name}", shape, -2, 2)).double()


def parameters() -> dict[str, torch.Tensor]:
    """The model's tensors with their gradients."""
    table = torch.zeros(ROWS, SIZE, dtype=torch.float64, requires_grad=True)
    all_ = {"table": table} | {
        name: torch.zeros(shape, dtype=torch.float64, requires_grad=True)
        for name, shape in SHAPES.items()
    }
    used = torch.nn.functional.embedding(torch.tensor(IDS), table)
    loss = (used * factors("table", [len(IDS), SIZE])).sum()
    for name, shape in SHAPES.items():
        loss = loss + (all_[name] * factors(name, shape)).sum()
    loss.backward()
    return all_


def clipped(norm: float, per: str) -> dict:
    """The norm before, and the gradients after."""
    all_ = parameters()
    total = clip_grad_norm_(list(parameters().values()), norm)
    groups = [list(all_)] if per == "all" else [[name] for name in all_]
    for group in groups:
        clip_grad_norm_([all_[name] for name in group], norm)
    return {
        "norm": norm,
        "per": per,
        "total": values.number(total),
        "gradients": {
            name: values.numbers(tensor.grad.flatten().numpy()) for name, tensor in all_.items()
        },
    }


def main() -> None:
    """Writes the fixture."""
    torch.use_deterministic_algorithms(True)
    path = Path(__file__).with_name("clipping.jsonl")
    values.write(
        path,
        {
            "clipping": {
                "rows": ROWS,
                "size": SIZE,
                "ids": IDS,
                "shapes": SHAPES,
                "owners": OWNERS,
                "cases": [clipped(**case) for case in CASES],
            }
        },
    )


if __name__ == "__main__":
    main()
