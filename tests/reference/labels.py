"""Reference values of several labels, computed by PyTorch in float64 and by scikit-learn.

    python tests/reference/labels.py

writes labels.jsonl next to this file: five steps of SGD of a light net and a booster with a shared
layer. Each net has a linear head of its own for each of three labels (shared bottom). Some rows have
no label `buy`; the losses of this label are weighted means over the other rows. The metrics at the
end are those of scikit-learn, also without these rows.
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score

import values

ROWS, FEATURES, STEPS = 24, 3, 5
RATE, MOMENTUM, HINT = 0.1, 0.9, 0.3
#: The labels, with the number of logits of each.
LABELS = {"click": 1, "buy": 1, "kind": 3}
HIDDEN = {"light": 4, "booster": 6}
SHARED = 5


def tensor(array):
    return torch.tensor(array, dtype=torch.float64)


class Heads(torch.nn.Module):
    """A hidden layer, and a linear head for each label, cut from a head's starting values."""

    def __init__(self, net: str):
        super().__init__()
        hidden, units = HIDDEN[net], sum(LABELS.values())
        self.dense = linear(f"{net}/dense1", SHARED, hidden)
        kernel = tensor(values.values(f"{net}/head/kernel", [hidden, units]))
        bias = tensor(values.values(f"{net}/head/bias", [units]))
        self.heads = torch.nn.ModuleDict()
        start = 0
        for name, size in LABELS.items():
            head = torch.nn.Linear(hidden, size, dtype=torch.float64)
            head.weight = torch.nn.Parameter(kernel[:, start : start + size].T.clone())
            head.bias = torch.nn.Parameter(bias[start : start + size].clone())
            self.heads[name] = head
            start += size

    def forward(self, x):
        x = F.relu(self.dense(x))
        return {name: head(x) for name, head in self.heads.items()}


def linear(name: str, inputs: int, outputs: int) -> torch.nn.Linear:
    layer = torch.nn.Linear(inputs, outputs, dtype=torch.float64)
    layer.weight = torch.nn.Parameter(
        tensor(values.values(f"{name}/kernel", [inputs, outputs]).T.copy())
    )
    layer.bias = torch.nn.Parameter(tensor(values.values(f"{name}/bias", [outputs])))
    return layer


def weighted(loss, weight):
    return (loss * weight).sum() / weight.sum()


def main() -> None:
    x = tensor(values.uniform("labels/x", [ROWS, FEATURES], -1, 1))
    weight = tensor(values.uniform("labels/weight", [ROWS], 0.5, 2))
    click = torch.tensor(values.integers("labels/click", ROWS, 2))
    buy = torch.tensor(values.integers("labels/buy", ROWS, 2))
    kind = torch.tensor(values.integers("labels/kind", ROWS, 3))
    known = torch.tensor(values.integers("labels/known", ROWS, 3)) > 0

    shared = linear("shared/dense1", FEATURES, SHARED)
    nets = {net: Heads(net) for net in HIDDEN}
    parameters = [*shared.parameters(), *(p for net in nets.values() for p in net.parameters())]
    optimizer = torch.optim.SGD(parameters, lr=RATE, momentum=MOMENTUM)

    def losses():
        bottom = F.relu(shared(x))
        out = {net: heads(bottom) for net, heads in nets.items()}
        terms = []
        for net in ("light", "booster"):
            each = F.binary_cross_entropy_with_logits(
                out[net]["click"][:, 0], click.double(), reduction="none"
            )
            terms.append(weighted(each, weight))
            each = F.binary_cross_entropy_with_logits(
                out[net]["buy"][known, 0], buy[known].double(), reduction="none"
            )
            terms.append(weighted(each, weight[known]))
            each = F.cross_entropy(out[net]["kind"], kind, reduction="none")
            terms.append(weighted(each, weight))
        difference = out["booster"]["buy"].detach() - out["light"]["buy"]
        terms.append(weighted((difference[known] ** 2).sum(1), weight[known]))
        return terms, out

    steps = []
    for _ in range(STEPS):
        terms, _ = losses()
        total = sum(terms[:-1]) + HINT * terms[-1]
        steps.append(values.numbers([total.item(), *(term.item() for term in terms)]))
        optimizer.zero_grad()
        total.backward()
        optimizer.step()

    variables = {
        "shared/dense1/kernel": shared.weight.T,
        "shared/dense1/bias": shared.bias,
    }
    for name, net in nets.items():
        variables[f"{name}/dense1/kernel"] = net.dense.weight.T
        variables[f"{name}/head/kernel"] = torch.cat([h.weight.T for h in net.heads.values()], 1)
        variables[f"{name}/head/bias"] = torch.cat([h.bias for h in net.heads.values()])

    _, out = losses()
    metrics = {}
    for name, logits in out.items():
        logits = {label: values.detach().numpy() for label, values in logits.items()}
        probability = torch.sigmoid(torch.tensor(logits["buy"][known])).numpy()
        metrics |= {
            f"{name}/click.auc": roc_auc_score(click, logits["click"][:, 0]),
            f"{name}/buy.auc": roc_auc_score(buy[known], logits["buy"][known, 0]),
            f"{name}/buy.log-loss": log_loss(
                buy[known], probability[:, 0], sample_weight=weight[known]
            ),
            f"{name}/kind.accuracy": accuracy_score(kind, logits["kind"].argmax(1)),
        }

    values.write(
        Path(__file__).with_name("labels.jsonl"),
        {
            "steps": steps,
            "variables": {
                name: values.numbers(value.detach().numpy().ravel())
                for name, value in variables.items()
            },
            "metrics": {name: values.number(value) for name, value in metrics.items()},
        },
    )


if __name__ == "__main__":
    main()
