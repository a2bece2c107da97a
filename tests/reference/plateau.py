"""Learning rates of PyTorch's ReduceLROnPlateau on sequences of metrics, for plateau_test.ts."""

from pathlib import Path

import torch
from torch.optim.lr_scheduler import ReduceLROnPlateau

import values

RISING = [0.5, 0.6, 0.65, 0.65, 0.64, 0.66, 0.66003, 0.66, 0.7, 0.69, 0.69, 0.69, 0.69, 0.69, 0.69]
FALLING = [2.0, 1.0, 0.9, 0.9, 0.89995, 0.91, 0.5, 0.5, 0.5, 0.6, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4]
BELOW_ZERO = [-1.0, -2.0, -2.0, -2.1, -2.1, -2.10001, -2.3, -2.2, -2.2, -2.2]
WITHOUT_VALUE = [float("nan"), 0.5, float("nan"), 0.6, float("nan"), float("nan"), float("nan")]

CASES = {
    "rising": ("max", RISING, {"patience": 1}),
    "risingLong": ("max", RISING, {"patience": 2, "factor": 0.5, "cooldown": 1}),
    "risingAbsolute": (
        "max",
        RISING,
        {"patience": 0, "factor": 0.2, "threshold": 0.03, "threshold_mode": "abs"},
    ),
    "falling": ("min", FALLING, {"patience": 1, "factor": 0.3}),
    "fallingCooldown": ("min", FALLING, {"patience": 0, "factor": 0.5, "cooldown": 2}),
    "fallingLowest": ("min", FALLING, {"patience": 0, "factor": 0.1, "min_lr": 0.004}),
    "fallingAbsolute": (
        "min",
        FALLING,
        {"patience": 1, "factor": 0.5, "threshold": 0.2, "threshold_mode": "abs"},
    ),
    "belowZero": ("min", BELOW_ZERO, {"patience": 1, "factor": 0.5, "threshold": 0.01}),
    "withoutValue": ("max", WITHOUT_VALUE, {"patience": 1, "factor": 0.5}),
}


def rates(mode: str, metrics: list, options: dict) -> list:
    """The learning rate before the first evaluation, and after each one."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    schedule = ReduceLROnPlateau(optimizer, mode=mode, eps=0, **options)
    result = [optimizer.param_groups[0]["lr"]]
    for metric in metrics:
        schedule.step(metric)
        result.append(optimizer.param_groups[0]["lr"])
    return [values.number(rate) for rate in result]


def main() -> None:
    """Writes the fixture."""
    cases = {
        name: {
            "mode": mode,
            "metrics": [None if metric != metric else metric for metric in metrics],
            "options": options,
            "rates": rates(mode, metrics, options),
        }
        for name, (mode, metrics, options) in CASES.items()
    }
    values.write(Path(__file__).with_name("plateau.jsonl"), {"cases": cases})


main()
