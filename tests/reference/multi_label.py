"""Reference values of labels of kind `multi-label`, computed by PyTorch in float64 and scikit-learn.

    python tests/reference/multi_label.py

writes multi_label.jsonl next to this file: losses of logits with their gradients; five steps of SGD of
a light net and a booster, with a multi-label label alone and beside a binary label, which some rows
lack; and metrics.
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    f1_score,
    hamming_loss,
    log_loss,
    roc_auc_score,
)

import values

ROWS, FEATURES, STEPS, CLASSES = 24, 3, 5, 4
RATE, MOMENTUM, HINT, TEMPERATURE, ALPHA = 0.1, 0.9, 0.3, 2.0, 0.7
HIDDEN = {"light": 4, "booster": 6}
SHARED = 5


def tensor(array):
    return torch.tensor(array, dtype=torch.float64)


def targets():
    return values.integers("multi-label/topics", ROWS * CLASSES, 2).reshape(ROWS, CLASSES)


def bernoulli_kl(teacher, student, temperature):
    """KL divergences of the two outcomes of each class, averaged over the classes."""
    p = torch.sigmoid(teacher / temperature)
    each = F.binary_cross_entropy_with_logits(student / temperature, p, reduction="none")
    entropy = F.binary_cross_entropy(p, p, reduction="none")
    return (each - entropy).mean(1)


def soft_label(teacher, student, temperature):
    p = torch.sigmoid(teacher / temperature)
    return F.binary_cross_entropy_with_logits(
        student / temperature, p, reduction="none"
    ).mean(1)


def bce(logits, y):
    return F.binary_cross_entropy_with_logits(logits, y, reduction="none").mean(1)


def losses() -> dict:
    """Losses of each row, and the gradient of their mean, for moderate and large logits."""
    y = tensor(targets())
    t2 = TEMPERATURE**2
    of = {
        "binary-cross-entropy": lambda b, l: bce(l, y),
        "kl": lambda b, l: t2 * bernoulli_kl(b, l, TEMPERATURE),
        "soft-label": lambda b, l: t2 * soft_label(b, l, TEMPERATURE),
        "knowledge-distillation": lambda b, l: ALPHA * t2 * bernoulli_kl(b, l, TEMPERATURE)
        + (1 - ALPHA) * bce(l, y),
        "mse-probability": lambda b, l: ((torch.sigmoid(b) - torch.sigmoid(l)) ** 2).sum(1),
        "mse-hint": lambda b, l: ((b - l) ** 2).sum(1),
    }
    result = {}
    for name, loss in of.items():
        result[name] = []
        for bound in (3, 20):
            booster, light = (
                tensor(values.uniform(f"multi-label/{net}/{bound}", [ROWS, CLASSES], -bound, bound))
                for net in ("booster", "light")
            )
            light.requires_grad_(True)
            each = loss(booster, light)
            each.mean().backward()
            result[name].append(
                {
                    "bound": bound,
                    "losses": values.numbers(each.detach().numpy()),
                    "gradient": values.numbers(light.grad.numpy().ravel()),
                }
            )
    # The mean over rows and classes is PyTorch's BCEWithLogitsLoss.
    light = tensor(values.uniform("multi-label/light/3", [ROWS, CLASSES], -3, 3))
    assert torch.isclose(torch.nn.BCEWithLogitsLoss()(light, y), bce(light, y).mean())
    return result


def linear(name: str, inputs: int, outputs: int) -> torch.nn.Linear:
    layer = torch.nn.Linear(inputs, outputs, dtype=torch.float64)
    layer.weight = torch.nn.Parameter(
        tensor(values.values(f"{name}/kernel", [inputs, outputs]).T.copy())
    )
    layer.bias = torch.nn.Parameter(tensor(values.values(f"{name}/bias", [outputs])))
    return layer


def weighted(loss, weight):
    return (loss * weight).sum() / weight.sum()


def training(several: bool) -> dict:
    """Steps of SGD. With several labels, the logit of the label `click` is the first one."""
    x = tensor(values.uniform("multi-label/x", [ROWS, FEATURES], -1, 1))
    weight = tensor(values.uniform("multi-label/weight", [ROWS], 0.5, 2))
    click = tensor(values.integers("multi-label/click", ROWS, 2))
    known = torch.tensor(values.integers("multi-label/known", ROWS, 3)) > 0
    if not several:
        known = torch.ones(ROWS, dtype=torch.bool)
    y = tensor(targets())
    first = int(several)
    shared = linear("shared/dense1", FEATURES, SHARED)
    nets = {
        net: torch.nn.Sequential(
            linear(f"{net}/dense1", SHARED, hidden),
            torch.nn.ReLU(),
            linear(f"{net}/head", hidden, first + CLASSES),
        )
        for net, hidden in HIDDEN.items()
    }
    parameters = [*shared.parameters(), *(p for net in nets.values() for p in net.parameters())]
    optimizer = torch.optim.SGD(parameters, lr=RATE, momentum=MOMENTUM)

    def terms():
        bottom = F.relu(shared(x))
        out = {net: layers(bottom) for net, layers in nets.items()}
        found = []
        for net in ("light", "booster"):
            if several:
                each = F.binary_cross_entropy_with_logits(out[net][:, 0], click, reduction="none")
                found.append(weighted(each, weight))
            found.append(weighted(bce(out[net][known, first:], y[known]), weight[known]))
        teacher, student = out["booster"].detach()[:, first:], out["light"][:, first:]
        hint = TEMPERATURE**2 * bernoulli_kl(teacher, student, TEMPERATURE)
        found.append(weighted(hint[known], weight[known]))
        return found, out

    steps = []
    for _ in range(STEPS):
        found, _ = terms()
        total = sum(found[:-1]) + HINT * found[-1]
        steps.append(values.numbers([total.item(), *(term.item() for term in found)]))
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
    variables = {"shared/dense1/kernel": shared.weight.T, "shared/dense1/bias": shared.bias}
    for name, net in nets.items():
        for layer, at in (("dense1", 0), ("head", 2)):
            variables[f"{name}/{layer}/kernel"] = net[at].weight.T
            variables[f"{name}/{layer}/bias"] = net[at].bias
    return {
        "steps": steps,
        "variables": {
            name: values.numbers(value.detach().numpy().ravel())
            for name, value in variables.items()
        },
    }


def metrics() -> dict:
    y = targets()
    weight = values.uniform("multi-label/weight", [ROWS], 0.5, 2)
    logits = values.uniform("multi-label/light/3", [ROWS, CLASSES], -3, 3)
    predicted = (logits > 0).astype(int)
    probabilities = torch.sigmoid(tensor(logits)).numpy()
    each = [
        log_loss(y[:, k], probabilities[:, k], sample_weight=weight, labels=[0, 1])
        for k in range(CLASSES)
    ]
    return {
        "accuracy": accuracy_score(y, predicted),
        "accuracy/per-class": 1 - hamming_loss(y, predicted),
        "log-loss": sum(each) / CLASSES,
        **{
            f"{name}/{average}": measure(y, scores, average=average)
            for average in ("macro", "micro")
            for name, measure, scores in (
                ("auc", roc_auc_score, logits),
                ("pr-auc", average_precision_score, logits),
                ("f1", f1_score, predicted),
            )
        },
    }


def main() -> None:
    values.write(
        Path(__file__).with_name("multi_label.jsonl"),
        {
            "losses": losses(),
            "single": training(several=False),
            "several": training(several=True),
            "metrics": {name: values.number(value) for name, value in metrics().items()},
        },
    )


if __name__ == "__main__":
    main()
