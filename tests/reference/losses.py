"""Reference values of losses and their gradients, computed by PyTorch in float64.

    python tests/reference/losses.py

writes losses.jsonl next to this file. A hint compares `from`, the teacher's logits, with `to`, those
of the student, and passes gradient to both; a task loss compares `on`, the same logits as `to`,
with the label. Logits are by formula, uniform in [−range, range).
"""

from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F

import values

ROWS = 6
TEMPERATURES = (1, 4)

Loss = Callable[..., torch.Tensor]


def logits(name: str, units: int, bound: float) -> torch.Tensor:
    """Logits [rows, units] by formula."""
    name = f"losses/{name}/units{units}/range{bound}"
    return torch.from_numpy(values.uniform(name, [ROWS, units], -bound, bound)).double()


def label(units: int) -> torch.Tensor:
    """Classes by formula; with one unit, 0 or 1."""
    return torch.from_numpy(values.integers(f"losses/label/units{units}", ROWS, max(units, 2)))


def record(formula: str, loss: Loss, **inputs: torch.Tensor) -> dict:
    """A loss with its gradient with respect to each input."""
    inputs = {name: value.requires_grad_() for name, value in inputs.items()}
    value = loss(*inputs.values())
    gradients = torch.autograd.grad(value, list(inputs.values()))
    return {
        "formula": formula,
        "value": values.number(value.detach()),
        "gradients": {
            name: values.numbers(gradient.numpy())
            for name, gradient in zip(inputs, gradients, strict=True)
        },
    }


def task_losses(units: int, bound: int) -> dict:
    """Losses of an output against the label."""
    if units > 1:
        return {
            "cross-entropy": record(
                "mean over rows of −log softmax(on)[label]",
                lambda on: F.cross_entropy(on, label(units)),
                on=logits("to", units, bound),
            ),
            **{
                f"cross-entropy-weighted-{smoothing}": record(
                    "mean over rows of the loss of each row, with weight and label_smoothing",
                    lambda on, smoothing=smoothing: F.cross_entropy(
                        on,
                        label(units),
                        weight=0.5 + 0.75 * torch.arange(units).double(),
                        label_smoothing=smoothing,
                        reduction="none",
                    ).mean(),
                    on=logits("to", units, bound),
                )
                for smoothing in (0, 0.1)
            },
        }
    target = label(units).double()
    return {
        "binary-cross-entropy": record(
            "mean over rows of −label · log σ(on) − (1 − label) · log(1 − σ(on))",
            lambda on: F.binary_cross_entropy_with_logits(on[:, 0], target),
            on=logits("to", units, bound),
        ),
        "binary-cross-entropy-weighted": record(
            "mean over rows, with pos_weight 2.5",
            lambda on: F.binary_cross_entropy_with_logits(
                on[:, 0], target, pos_weight=torch.tensor(2.5).double()
            ),
            on=logits("to", units, bound),
        ),
        "mean-squared-error": record(
            "mean over rows of (on − label)²",
            lambda on: F.mse_loss(on[:, 0], target),
            on=logits("to", units, bound),
        ),
    }


def as_classes(x: torch.Tensor) -> torch.Tensor:
    """Logits whose softmax is [σ(x), 1 − σ(x)], for one unit; else as they are."""
    return torch.cat([x, torch.zeros_like(x)], 1) if x.shape[1] == 1 else x


def probability(x: torch.Tensor) -> torch.Tensor:
    """The net's probabilities: the sigmoid for one unit, else the softmax."""
    return torch.sigmoid(x) if x.shape[1] == 1 else F.softmax(x, 1)


def kl(temperature: float) -> Loss:
    """The Kullback-Leibler divergence of softened distributions, times T²."""

    def loss(teacher: torch.Tensor, student: torch.Tensor) -> torch.Tensor:
        target = F.softmax(as_classes(teacher) / temperature, 1)
        log_probability = F.log_softmax(as_classes(student) / temperature, 1)
        return F.kl_div(log_probability, target, reduction="batchmean") * temperature**2

    return loss


def soft_label(temperature: float) -> Loss:
    """The cross entropy with softened distributions, times T²."""

    def loss(teacher: torch.Tensor, student: torch.Tensor) -> torch.Tensor:
        target = F.softmax(as_classes(teacher) / temperature, 1)
        return F.cross_entropy(as_classes(student) / temperature, target) * temperature**2

    return loss


def hint_losses(units: int, bound: int) -> dict:
    """Losses of one net's logits against the other's."""

    def hint(formula: str, loss: Loss) -> dict:
        sides = {"from": logits("from", units, bound), "to": logits("to", units, bound)}
        return record(formula, loss, **sides)

    soft = "p = softmax(from / T), q = softmax(to / T), with [x, 0] for a single logit x"
    return {
        "mse-hint": hint(
            "mean over rows of Σ over units of (from − to)²",
            lambda teacher, student: F.mse_loss(teacher, student, reduction="sum") / ROWS,
        ),
        "mse-probability": hint(
            "mean over rows of Σ over units of (softmax(from) − softmax(to))²; σ for one logit",
            lambda teacher, student: (
                F.mse_loss(probability(teacher), probability(student), reduction="sum") / ROWS
            ),
        ),
        **{
            f"kl-temperature-{t}": hint(
                f"T² · mean over rows of Σ p · (log p − log q), T = {t}; {soft}", kl(t)
            )
            for t in TEMPERATURES
        },
        **{
            f"soft-label-temperature-{t}": hint(
                f"T² · mean over rows of −Σ p · log q, T = {t}; {soft}", soft_label(t)
            )
            for t in TEMPERATURES
        },
    }


def main() -> None:
    """Writes the fixture."""
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(1)
    document = {
        f"units{units}": {
            f"range{bound}": {
                "rows": ROWS,
                "task": task_losses(units, bound),
                "hint": hint_losses(units, bound),
            }
            for bound in (3, 60)
        }
        for units in (1, 2, 5)
    }
    values.write(Path(__file__).with_name("losses.jsonl"), document)


if __name__ == "__main__":
    main()
