"""Reference values of optimizers that move rows of an embedding table, computed by PyTorch in float64.

    python tests/reference/tables.py

writes tables.jsonl next to this file. The loss of a batch is ½ Σ curvature · (row − target)² over the
rows that it reads, a row as often as it is read, divided by the rows of the batch. `exact` is an
optimizer on the dense table. `lazy` is the same optimizer, after each step of which the rows that were
not read, and what the optimizer keeps of them, are put back as they were. `sparse` is SparseAdam.
`embeddingL2` adds λ / 2 · Σ w² to the loss: over the different rows that the step reads for `lazy`,
and over the whole table for `exact`.
"""

from pathlib import Path

import torch
from torch.optim import SGD, Adagrad, Adam, AdamW, SparseAdam

import values

STEPS, BATCH, PLACES, ROWS, SIZE = 50, 4, 2, 12, 3
L2 = 0.2

RUNS = {
    "sgd": (SGD, {"lr": 0.05, "momentum": 0.9, "weight_decay": 0.05}),
    "nesterov": (SGD, {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.05}),
    "adam": (Adam, {"lr": 0.01, "weight_decay": 0.05}),
    "adamw": (AdamW, {"lr": 0.01, "weight_decay": 0.05}),
    "adagrad": (Adagrad, {"lr": 0.05, "weight_decay": 0.05}),
}


def table(part: str, low: float, high: float) -> torch.Tensor:
    """A table of numbers by formula."""
    return torch.from_numpy(values.uniform(f"tables/{part}", [ROWS, SIZE], low, high)).double()


def ids_of(step: int) -> torch.Tensor:
    """The rows that a step reads; the last row is read in the first ten steps alone."""
    rows = ROWS if step <= 10 else ROWS - 1
    ids = values.integers(f"tables/ids{step}", BATCH * PLACES, rows)
    return torch.from_numpy(ids)


def loss_of(read: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    """The loss of a batch whose rows were read."""
    target, curvature = table("target", -1, 1), table("curvature", 0.2, 2)
    return (curvature[ids] * (read - target[ids]) ** 2).sum() / 2 / BATCH


def kept(optimizer: torch.optim.Optimizer, weight: torch.Tensor) -> dict:
    """What an optimizer keeps of each row."""
    return {
        name: value
        for name, value in optimizer.state[weight].items()
        if torch.is_tensor(value) and value.shape == weight.shape
    }


def run(kind: type, options: dict, lazy: bool, l2: float = 0) -> list:
    """The table after all steps."""
    weight = table("start", -1, 1).requires_grad_()
    optimizer = kind([weight], **options)
    for step in range(1, STEPS + 1):
        ids = ids_of(step)
        before = weight.detach().clone()
        slots = {name: value.clone() for name, value in kept(optimizer, weight).items()}
        optimizer.zero_grad()
        penalized = weight[ids.unique()] if lazy else weight
        (loss_of(weight[ids], ids) + l2 / 2 * penalized.square().sum()).backward()
        optimizer.step()
        if not lazy:
            continue
        others = torch.ones(ROWS, dtype=torch.bool)
        others[ids] = False
        with torch.no_grad():
            weight[others] = before[others]
            for name, value in kept(optimizer, weight).items():
                value[others] = slots[name][others] if name in slots else 0
    return digits(weight)


def sparse() -> list:
    """The table after all steps of SparseAdam."""
    embedding = torch.nn.Embedding(ROWS, SIZE, sparse=True).double()
    with torch.no_grad():
        embedding.weight.copy_(table("start", -1, 1))
    optimizer = SparseAdam(list(embedding.parameters()), lr=0.01)
    for step in range(1, STEPS + 1):
        ids = ids_of(step)
        optimizer.zero_grad()
        loss_of(embedding(ids), ids).backward()
        optimizer.step()
    return digits(embedding.weight)


def digits(weight: torch.Tensor) -> list:
    """The numbers with nine digits: float32 is compared to 1e-6."""
    return [[float(f"{number:.9g}") for number in row] for row in weight.tolist()]


def main() -> None:
    """Writes the fixture."""
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(1)
    runs = {
        name: {
            "options": {key: value for key, value in options.items()},
            "lazy": run(kind, options, lazy=True),
            "exact": run(kind, options, lazy=False),
        }
        for name, (kind, options) in RUNS.items()
    }
    penalized = {
        "embeddingL2": L2,
        "lr": 0.01,
        "lazy": run(Adam, {"lr": 0.01}, lazy=True, l2=L2),
        "exact": run(Adam, {"lr": 0.01}, lazy=False, l2=L2),
    }
    document = {"runs": runs, "sparseAdam": sparse(), "penalized": penalized}
    values.write(Path(__file__).with_name("tables.jsonl"), document)


if __name__ == "__main__":
    main()
