"""Reference values of an auxiliary head of the light net, computed by PyTorch in float64.

The head, its gradient scaling, and the label scaling are written from Liang et al. 2025
(arXiv:2502.17494), section 3.3: a second head learns from the teacher only, the gradient that it
sends into the layers below is multiplied by β, and the teacher's probability by α.

    python tests/reference/auxiliary.py

writes auxiliary.jsonl next to this file: the losses of three steps of SGD, and the variables after
them.
"""

from pathlib import Path

import torch
import torch.nn.functional as F

import values

ROWS, INPUTS, STEPS, RATE = 12, 5, 3, 0.2
WIDTHS = {"shared": 6, "light": 4, "booster": 7}
MOST = 1 - 1e-6

Tensor = torch.Tensor


class Scaled(torch.autograd.Function):
    """The same values, with β times the gradient."""

    @staticmethod
    def forward(ctx, x: Tensor, beta: float) -> Tensor:
        ctx.beta = beta
        return x.view_as(x)

    @staticmethod
    def backward(ctx, gradient: Tensor):
        return gradient * ctx.beta, None


class Nets:
    """Both nets on one shared layer, and the head on the light net's hidden layer."""

    def __init__(self, units: int) -> None:
        self.variables: dict[str, Tensor] = {}
        self.layer("shared/dense1", INPUTS, WIDTHS["shared"])
        for net in ("light", "booster"):
            self.layer(f"{net}/dense1", WIDTHS["shared"], WIDTHS[net])
            self.layer(f"{net}/head", WIDTHS[net], units)
        self.layer("light.auxiliary", WIDTHS["light"], units)

    def layer(self, name: str, inputs: int, outputs: int) -> None:
        for part, shape in (("kernel", [inputs, outputs]), ("bias", [outputs])):
            value = torch.tensor(values.values(f"{name}/{part}", shape), dtype=torch.float64)
            self.variables[f"{name}/{part}"] = value.requires_grad_()

    def dense(self, name: str, x: Tensor) -> Tensor:
        return x @ self.variables[f"{name}/kernel"] + self.variables[f"{name}/bias"]

    def __call__(self, x: Tensor, beta: float) -> dict[str, Tensor]:
        shared = F.relu(self.dense("shared/dense1", x))
        hidden = {net: F.relu(self.dense(f"{net}/dense1", shared)) for net in ("light", "booster")}
        logits = {net: self.dense(f"{net}/head", hidden[net]) for net in hidden}
        head = self.dense("light.auxiliary", Scaled.apply(hidden["light"], beta))
        return {**logits, "auxiliary": head}


def click(out: dict[str, Tensor], label: Tensor, weight: float, alpha: float) -> list[Tensor]:
    """One logit: cross-entropy with the label min(α · p, 1 − 10⁻⁶)."""
    target = (alpha * torch.sigmoid(out["booster"].detach())).clamp(max=MOST)
    return [
        F.binary_cross_entropy_with_logits(out["light"][:, 0], label.double()),
        F.binary_cross_entropy_with_logits(out["booster"][:, 0], label.double()),
        weight * F.binary_cross_entropy_with_logits(out["auxiliary"], target),
    ]


def classes(out: dict[str, Tensor], label: Tensor, weight: float, alpha: float) -> list[Tensor]:
    """Several logits: the squared distance from α times the teacher's."""
    distance = (alpha * out["booster"].detach() - out["auxiliary"]).pow(2).sum(1).mean()
    return [
        F.cross_entropy(out["light"], label),
        F.cross_entropy(out["booster"], label),
        weight * distance,
    ]


def case(name: str, units: int, loss, beta: float, weight: float, alpha: float) -> dict:
    """Three steps of SGD on one batch."""
    x = values.uniform(f"auxiliary/{name}/x", [ROWS, INPUTS], -1, 1)
    label = values.integers(f"auxiliary/{name}/label", ROWS, max(units, 2))
    nets = Nets(units)
    steps = []
    for _ in range(STEPS):
        losses = loss(nets(torch.tensor(x).double(), beta), torch.tensor(label), weight, alpha)
        gradients = torch.autograd.grad(sum(losses), list(nets.variables.values()))
        with torch.no_grad():
            for value, gradient in zip(nets.variables.values(), gradients):
                value -= RATE * gradient
        steps.append(values.numbers([one.item() for one in losses]))
    return {
        "gradient": beta,
        "weight": weight,
        "scale": alpha,
        "losses": steps,
        "variables": {
            name: values.summary(value.detach().numpy()) for name, value in nets.variables.items()
        },
    }


def main() -> None:
    """Writes the fixture."""
    torch.set_num_threads(1)
    document = {
        "click": case("click", 1, click, beta=3, weight=0.7, alpha=1.5),
        "classes": case("classes", 4, classes, beta=0.25, weight=0.3, alpha=0.5),
    }
    values.write(Path(__file__).with_name("auxiliary.jsonl"), document)


if __name__ == "__main__":
    main()
