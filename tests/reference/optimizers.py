"""Reference values of optimizers and learning-rate schedules, computed by PyTorch in float64.

    python tests/reference/optimizers.py

writes optimizers.jsonl next to this file. The problem is ½ Σ curvature · (w − target)² over two
tensors; the gradient curvature · (w − target) is exact in any language.
"""

from collections.abc import Callable
from pathlib import Path

import torch
from torch.optim import SGD, Adagrad, Adam, AdamW, Optimizer
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    LinearLR,
    LRScheduler,
    MultiStepLR,
    SequentialLR,
)

import values

STEPS = 10
LATE_STEPS = [1, 10, 10_000, 1_000_000]
EPOCHS = 20
SHAPES = {"matrix": [3, 4], "vector": [5]}

SGD_FORMULA = (
    "g = gradient + weightDecay · w; m = g in the first step, then momentum · m + g; "
    "w −= rate · (nesterov ? g + momentum · m : m)"
)
ADAM_FORMULA = (
    "g = gradient + weightDecay · w; m = beta1 · m + (1 − beta1) · g; "
    "v = beta2 · v + (1 − beta2) · g²; "
    "w −= rate · (m / (1 − beta1^t)) / (√(v / (1 − beta2^t)) + epsilon)"
)
ADAMW_FORMULA = (
    "w −= rate · weightDecay · w, then adam on the plain gradient, which does not depend on it"
)
ADAGRAD_FORMULA = (
    "g = gradient + weightDecay · w; s starts at initial; s += g²; w −= rate · g / (√s + epsilon)"
)

SGD_RUNS = {
    "plain": {"learningRate": 0.1},
    "momentum": {"learningRate": 0.1, "momentum": 0.9},
    "nesterov": {"learningRate": 0.1, "momentum": 0.9, "nesterov": True},
    "weightDecay": {"learningRate": 0.1, "weightDecay": 0.05},
    "momentumWeightDecay": {"learningRate": 0.1, "momentum": 0.9, "weightDecay": 0.05},
    "nesterovWeightDecay": {
        "learningRate": 0.1,
        "momentum": 0.9,
        "nesterov": True,
        "weightDecay": 0.05,
    },
    # The rate falls after five steps: the momentum is not scaled by the rate.
    "momentumFallingRate": {"learningRate": 0.1, "momentum": 0.9, "laterRate": 0.02},
}
ADAM_RUNS = {
    "plain": {"learningRate": 0.1},
    "betas": {"learningRate": 0.05, "beta1": 0.8, "beta2": 0.95, "epsilon": 0.001},
    "weightDecay": {"learningRate": 0.1, "weightDecay": 0.05},
}
ADAGRAD_RUNS = {
    "plain": {"learningRate": 0.1},
    "initial": {"learningRate": 0.1, "initial": 0.1, "epsilon": 0.001},
    "weightDecay": {"learningRate": 0.1, "weightDecay": 0.05},
}

Parameters = list[torch.Tensor]


def sgd(w: Parameters, o: dict) -> Optimizer:
    """SGD without dampening."""
    return SGD(
        w,
        lr=o["learningRate"],
        momentum=o.get("momentum", 0),
        nesterov=o.get("nesterov", False),
        weight_decay=o.get("weightDecay", 0),
    )


def adam(kind: type[Adam]) -> Callable[[Parameters, dict], Optimizer]:
    """Adam or AdamW."""
    return lambda w, o: kind(
        w,
        lr=o["learningRate"],
        betas=(o.get("beta1", 0.9), o.get("beta2", 0.999)),
        eps=o.get("epsilon", 1e-8),
        weight_decay=o.get("weightDecay", 0),
    )


def adagrad(w: Parameters, o: dict) -> Optimizer:
    """Adagrad without a falling rate."""
    return Adagrad(
        w,
        lr=o["learningRate"],
        initial_accumulator_value=o.get("initial", 0),
        eps=o.get("epsilon", 1e-10),
        weight_decay=o.get("weightDecay", 0),
    )


def tensors(part: str, low: float, high: float) -> Parameters:
    """One part of the problem, by formula."""
    return [
        torch.from_numpy(values.uniform(f"optimizer/{name}/{part}", shape, low, high)).double()
        for name, shape in SHAPES.items()
    ]


def run(create: Callable[[Parameters, dict], Optimizer], options: dict) -> list[dict]:
    """The tensors after each step."""
    weights = [start.requires_grad_() for start in tensors("start", -1, 1)]
    target, curvature = tensors("target", -1, 1), tensors("curvature", 0.2, 2)
    optimizer = create(weights, options)
    steps = []
    for step in range(STEPS):
        if step == STEPS // 2 and "laterRate" in options:
            optimizer.param_groups[0]["lr"] = options["laterRate"]
        optimizer.zero_grad()
        parts = zip(weights, target, curvature, strict=True)
        sum((c * (w - t) ** 2).sum() / 2 for w, t, c in parts).backward()
        optimizer.step()
        steps.append(
            {
                name: values.numbers(w.detach().flatten().numpy())
                for name, w in zip(SHAPES, weights, strict=True)
            }
        )
    return steps


def optimizers() -> dict:
    """All optimizers by name, and their runs."""
    kinds = {
        "sgd": (sgd, SGD_FORMULA, SGD_RUNS),
        "adam": (adam(Adam), ADAM_FORMULA, ADAM_RUNS),
        "adamw": (adam(AdamW), ADAMW_FORMULA, ADAM_RUNS),
        "adagrad": (adagrad, ADAGRAD_FORMULA, ADAGRAD_RUNS),
    }
    return {
        kind: {
            "formula": formula,
            "runs": {
                name: {"options": options, "steps": run(create, options)}
                for name, options in runs.items()
            },
        }
        for kind, (create, formula, runs) in kinds.items()
    }


def late_steps(kind: type[Adam], options: dict) -> list[dict]:
    """One step with a number of its own from moments that are given: w starts at 0, so that the
    weights after it are the move. Nine digits are kept: a correction in float32 is off by 1e-5."""
    shape = [6]
    mean = values.uniform("late/mean", shape, -1, 1)
    square = values.uniform("late/square", shape, 0.1, 2)
    gradient = values.uniform("late/gradient", shape, -1, 1)
    found = []
    for step in LATE_STEPS:
        weight = torch.zeros(shape, dtype=torch.float64, requires_grad=True)
        optimizer = adam(kind)([weight], options)
        optimizer.state[weight] = {
            "step": torch.tensor(float(step - 1), dtype=torch.float64),
            "exp_avg": torch.from_numpy(mean).double(),
            "exp_avg_sq": torch.from_numpy(square).double(),
        }
        weight.grad = torch.from_numpy(gradient).double()
        optimizer.step()
        found.append({"step": step, "weights": [float(f"{w:.9g}") for w in weight.tolist()]})
    return found


def late() -> dict:
    """Adam and AdamW at steps from the first to the millionth."""
    runs = {"plain": {"learningRate": 0.1}, "betas": {"learningRate": 0.05, "beta1": 0.99, "beta2": 0.9999}}
    return {
        name: {
            kind: {"options": options, "steps": late_steps(stage, options)}
            for kind, options in runs.items()
        }
        for name, stage in {"adam": Adam, "adamw": AdamW}.items()
    }


def rates(create: Callable[[Optimizer], LRScheduler]) -> list[float]:
    """The rate that each epoch runs with, from a base rate of 0.1."""
    optimizer = SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    schedule = create(optimizer)
    result = []
    for _ in range(EPOCHS):
        result.append(values.number(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        schedule.step()
    return result


def warm_up(
    epochs: int, start: float, after: Callable[[Optimizer], LRScheduler]
) -> Callable[[Optimizer], LRScheduler]:
    """A straight line from a part of the rate to all of it, then another schedule."""
    return lambda o: SequentialLR(
        o, [LinearLR(o, start_factor=start, total_iters=epochs), after(o)], milestones=[epochs]
    )


def schedules() -> dict:
    """Schedules over 20 epochs, counted from 0."""
    return {
        "steps": {
            "formula": "rate · by^(how many of at are ≤ epoch)",
            "options": {"at": [6, 12, 16], "by": 0.2},
            "rates": rates(lambda o: MultiStepLR(o, [6, 12, 16], gamma=0.2)),
        },
        "cosine": {
            "formula": "rate · (1 + cos(π · epoch / epochs)) / 2",
            "options": {"epochs": 20},
            "rates": rates(lambda o: CosineAnnealingLR(o, T_max=20)),
        },
        "cosineTo": {
            "formula": "to + (rate − to) · (1 + cos(π · epoch / epochs)) / 2; to is a rate",
            "options": {"epochs": 20, "to": 0.001},
            "rates": rates(lambda o: CosineAnnealingLR(o, T_max=20, eta_min=0.001)),
        },
        "warmUpCosine": {
            "formula": "rate · (from + (1 − from) · epoch / warmUp) while epoch < warmUp, then "
            "rate · (1 + cos(π · (epoch − warmUp) / (epochs − warmUp))) / 2",
            "options": {"epochs": 20, "warmUp": 5, "from": 0.2},
            "rates": rates(warm_up(5, 0.2, lambda o: CosineAnnealingLR(o, T_max=15))),
        },
        "warmUpSteps": {
            "formula": "the same warm-up, then rate · by^(how many of at are ≤ epoch − warmUp)",
            "options": {"warmUp": 4, "from": 0.1, "at": [6, 12], "by": 0.2},
            "rates": rates(warm_up(4, 0.1, lambda o: MultiStepLR(o, [6, 12], gamma=0.2))),
        },
    }


def main() -> None:
    """Writes the fixture."""
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(1)
    path = Path(__file__).with_name("optimizers.jsonl")
    values.write(path, {"optimizers": optimizers(), "schedules": schedules(), "late": late()})


if __name__ == "__main__":
    main()
