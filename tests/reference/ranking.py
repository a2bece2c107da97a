"""Reference values of losses by group and their gradients, computed by PyTorch in float64.

    python tests/reference/ranking.py

writes ranking.jsonl next to this file. The code goes group by group and pair by pair, as the papers
write their formulas. Scores are by formula, uniform in [−range, range).
"""

from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F

import values

ROWS = 24
GROUPS = 7


def scores(name: str, units: int, bound: float) -> torch.Tensor:
    """Logits [rows, units] by formula."""
    name = f"ranking/{name}/units{units}/range{bound}"
    return torch.from_numpy(values.uniform(name, [ROWS, units], -bound, bound)).double()


def score(logits: torch.Tensor) -> torch.Tensor:
    """The score of each row: the logit, or the second logit minus the first."""
    return logits[:, 0] if logits.shape[1] == 1 else logits[:, 1] - logits[:, 0]


def groups() -> list[list[int]]:
    """The rows of each group."""
    of = values.integers("ranking/group", ROWS, GROUPS).tolist()
    return [[row for row in range(ROWS) if of[row] == group] for group in sorted(set(of))]


def label(kind: str) -> torch.Tensor:
    """Labels of 0 and 1, or numbers from 0 to 4."""
    return torch.from_numpy(values.integers(f"ranking/label/{kind}", ROWS, 5 if kind == "number" else 2)).double()


def mean(losses: list[torch.Tensor], like: torch.Tensor) -> torch.Tensor:
    """The mean of some losses; 0 without any."""
    return torch.stack(losses).mean() if losses else like.sum() * 0


def ranknet(logits: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Burges et al. (2005): −log σ(sᵢ − sⱼ) for all yᵢ > yⱼ of a group."""
    s = score(logits)
    pairs = [
        -F.logsigmoid(s[i] - s[j]) for rows in groups() for i in rows for j in rows if y[i] > y[j]
    ]
    return mean(pairs, s)


def listnet(logits: torch.Tensor, y: torch.Tensor, kind: str) -> torch.Tensor:
    """Cao et al. (2007), and Bruch et al. (2019) for binary labels."""
    s = score(logits)
    losses = []
    for rows in groups():
        if len(rows) == 1 or (kind == "binary" and y[rows].sum() == 0):
            continue
        target = F.softmax(y[rows], 0) if kind == "number" else y[rows] / y[rows].sum()
        losses.append(-(target * F.log_softmax(s[rows], 0)).sum())
    return mean(losses, s)


def compatible(logits: torch.Tensor, y: torch.Tensor, alpha: float) -> torch.Tensor:
    """Bai et al. (2023): SigmoidCE and ListCE with the sigmoid as the transformation."""
    s = score(logits)
    losses = []
    for rows in groups():
        count = y[rows].sum()
        if len(rows) == 1 or count == 0:
            continue
        logs = F.logsigmoid(s[rows])
        losses.append(-(y[rows] * (logs - torch.logsumexp(logs, 0))).sum() / count)
    regression = F.binary_cross_entropy_with_logits(s, y)
    return (1 - alpha) * regression + alpha * mean(losses, s)


def ranknet_hint(teacher: torch.Tensor, student: torch.Tensor, temperature: float) -> torch.Tensor:
    """RankNet's cross-entropy with the teacher's probabilities as the target."""
    t, s = score(teacher) / temperature, score(student) / temperature
    pairs = [
        F.binary_cross_entropy_with_logits(s[i] - s[j], torch.sigmoid(t[i] - t[j]))
        for rows in groups()
        for i in rows
        for j in rows
        if i != j
    ]
    return mean(pairs, s) * temperature**2


def listnet_hint(teacher: torch.Tensor, student: torch.Tensor, temperature: float) -> torch.Tensor:
    """ListNet's cross-entropy with the softmax of the teacher's scores as the target."""
    t, s = score(teacher) / temperature, score(student) / temperature
    losses = [
        -(F.softmax(t[rows], 0) * F.log_softmax(s[rows], 0)).sum()
        for rows in groups()
        if len(rows) > 1
    ]
    return mean(losses, s) * temperature**2


def record(
    stage: str,
    loss: Callable[..., torch.Tensor],
    options: dict,
    label: str,
    **inputs: torch.Tensor,
) -> dict:
    """A loss with its gradient with respect to each input."""
    inputs = {name: value.requires_grad_() for name, value in inputs.items()}
    value = loss(*inputs.values())
    gradients = torch.autograd.grad(value, list(inputs.values()))
    return {
        "stage": stage,
        "options": options,
        "label": label,
        "value": values.number(value.detach()),
        "gradients": {
            name: values.numbers(gradient.numpy())
            for name, gradient in zip(inputs, gradients, strict=True)
        },
    }


def cases(units: int, bound: float) -> list[dict]:
    """All losses of scores from some logits."""
    teacher, student = scores("from", units, bound), scores("to", units, bound)
    found = []
    for kind in ("binary", "number") if units == 1 else ("binary",):
        y = label(kind)
        found.append(record("ranknet", lambda on, y=y: ranknet(on, y), {}, kind, on=student))
        found.append(
            record("listnet", lambda on, y=y, k=kind: listnet(on, y, k), {}, kind, on=student)
        )
    if units == 1:
        for alpha in (0.2, 1):
            found.append(
                record(
                    "regression-compatible-ranking",
                    lambda on, a=alpha: compatible(on, label("binary"), a),
                    {"alpha": alpha},
                    "binary",
                    on=student,
                )
            )
    for temperature in (1, 3):
        options = {"temperature": temperature}
        for stage, hint in (("ranknet-hint", ranknet_hint), ("listnet-hint", listnet_hint)):
            inputs = {"from": teacher, "to": student}
            found.append(
                record(
                    stage, lambda t, s, h=hint, c=temperature: h(t, s, c), options, "binary", **inputs
                )
            )
    return found


def main() -> None:
    """Writes the fixture."""
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(1)
    document = {
        f"units{units}": {f"range{bound}": cases(units, bound) for bound in (3, 60)}
        for units in (1, 2)
    }
    values.write(Path(__file__).with_name("ranking.jsonl"), document)


if __name__ == "__main__":
    main()
