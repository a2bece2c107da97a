"""Reference values of hints from a teacher whose probabilities are a column, computed by PyTorch.

    python tests/reference/teachers.py

writes teachers.jsonl next to this file. The probabilities are used as they are, in float64: the
losses below do not convert them to logits, except for the squared difference of logits. Rows
without an output (every third one in the cases `skip`) add 0 to the mean over all rows.
"""

from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F

import values

ROWS = 12
TEMPERATURE = 2


def raw(name: str, units: int) -> torch.Tensor:
    """Numbers by formula, [rows, units], uniform in [−3, 3)."""
    return torch.from_numpy(values.uniform(f"teachers/{name}/units{units}", [ROWS, units], -3, 3)).double()


def probabilities(units: int) -> torch.Tensor:
    """The column: float32 probabilities of the positive class, or of each class."""
    logits = raw("from", units)
    given = torch.sigmoid(logits) if units == 1 else torch.softmax(logits, 1)
    return given.float().double()


def soft_label(p: torch.Tensor, student: torch.Tensor) -> torch.Tensor:
    """Cross-entropy with probabilities as the target, as PyTorch has it."""
    if student.shape[1] == 1:
        return F.binary_cross_entropy_with_logits(student, p, reduction="none")[:, 0]
    return F.cross_entropy(student, p, reduction="none")


def kl(p: torch.Tensor, student: torch.Tensor) -> torch.Tensor:
    """T² times KL(p_T ‖ q_T), where p_T is proportional to p to the power of 1/T."""
    both = torch.cat([p, 1 - p], 1) if p.shape[1] == 1 else p
    powers = both ** (1 / TEMPERATURE)
    target = powers / powers.sum(1, keepdim=True)
    logits = torch.cat([student, torch.zeros_like(student)], 1) if student.shape[1] == 1 else student
    logs = F.log_softmax(logits / TEMPERATURE, 1)
    return F.kl_div(logs, target, reduction="none").sum(1) * TEMPERATURE**2


def mse_hint(p: torch.Tensor, student: torch.Tensor) -> torch.Tensor:
    """The squared difference of logits; those of classes are log-probabilities."""
    logits = torch.logit(p) if p.shape[1] == 1 else p.log()
    return ((logits - student) ** 2).sum(1)


def record(loss: Callable[..., torch.Tensor], units: int, skip: bool) -> dict:
    """The loss and its gradient for the student."""
    student = raw("to", units).requires_grad_()
    each = loss(probabilities(units), student)
    if skip:
        each = torch.where(torch.arange(ROWS) % 3 == 0, torch.zeros_like(each), each)
    total = each.mean()
    (gradient,) = torch.autograd.grad(total, student)
    return {"loss": values.number(total.detach()), "gradient": values.numbers(gradient.flatten().numpy())}


if __name__ == "__main__":
    document = {}
    for stage, loss in {"soft-label": soft_label, "kl": kl, "mse-hint": mse_hint}.items():
        for units in (1, 5):
            for skip in (False, True):
                name = f"{stage}/units{units}/{'skip' if skip else 'all'}"
                document[name] = record(loss, units, skip)
    values.write(Path(__file__).with_suffix(".jsonl"), document)
