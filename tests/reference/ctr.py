"""Reference values of nets for clicks, computed by PyTorch from the formulas.

DIN's attention (Zhou et al. 2018, arXiv:1706.06978, section 4.3) without a softmax, PReLU and Dice
(equation 3), mean and sum pooling over the places of lists that are not empty, and two nets on
embeddings and a shared layer as EasyRec's RocketLaunching has them.

    python tests/reference/ctr.py

writes ctr.jsonl next to this file.
"""

from pathlib import Path

import numpy as np
import torch

import values

BATCH = 6
ITEMS = 11
TAGS = 7
PLACES = 5
TAG_PLACES = 3
SIZE = 4
ATTENTION = 8
SHARED = 10
HIDDEN = {"light": 6, "booster": 12}
EPSILON = 1e-8
MOMENTUM = 0.1

Tensors = dict[str, torch.Tensor]


def inputs() -> Tensors:
    """A batch: lists of 0 to PLACES ids, padded by -1, and two numbers."""
    history = values.integers("ctr/history", BATCH * PLACES, ITEMS).reshape(BATCH, PLACES)
    tags = values.integers("ctr/tags", BATCH * TAG_PLACES, TAGS).reshape(BATCH, TAG_PLACES)
    for row in range(BATCH):
        history[row, row % (PLACES + 1) :] = -1
        tags[row, (row + 1) % (TAG_PLACES + 1) :] = -1
    return {
        "item": torch.from_numpy(values.integers("ctr/item", BATCH, ITEMS)),
        "history": torch.from_numpy(history),
        "tags": torch.from_numpy(tags),
        "numbers": torch.from_numpy(values.uniform("ctr/numbers", [BATCH, 2], -1, 1)).double(),
        "label": torch.from_numpy(values.integers("ctr/label", BATCH, 2)).double(),
    }


class Net:
    """The nets, with values by name that gradients can be taken of."""

    def __init__(self, kind: str, training: bool) -> None:
        self.kind = kind
        self.training = training
        self.values: Tensors = {}
        self.next: dict[str, torch.Tensor] = {}

    def value(self, name: str, shape: list[int], low: float = -0.5, high: float = 0.5):
        """A variable's value; the same one each time."""
        if name not in self.values:
            array = values.uniform(name, shape, low, high)
            self.values[name] = torch.from_numpy(array).double().requires_grad_()
        return self.values[name]

    def activate(self, name: str, x: torch.Tensor, mask: torch.Tensor | None = None):
        """PReLU or Dice; `mask` has 1 for the rows that count."""
        alpha = self.value(f"{name}/alpha", [x.shape[1]])
        if self.kind == "prelu":
            return torch.where(x > 0, x, alpha * x)
        mean = self.value(f"{name}/mean", [x.shape[1]])
        variance = self.value(f"{name}/variance", [x.shape[1]], 0.5, 1.5)
        if self.training:
            rows = x if mask is None else x[mask]
            self.next[f"{name}/mean"] = mean + MOMENTUM * (rows.mean(0) - mean)
            self.next[f"{name}/variance"] = variance + MOMENTUM * (rows.var(0) - variance)
            mean, variance = rows.mean(0), rows.var(0, unbiased=False)
        p = torch.sigmoid((x - mean) / torch.sqrt(variance + EPSILON))
        return p * x + (1 - p) * alpha * x

    def dense(self, name: str, x: torch.Tensor, units: int):
        """A fully connected layer."""
        kernel = self.value(f"{name}/kernel", [x.shape[1], units])
        return x @ kernel + self.value(f"{name}/bias", [units])

    def attention(self, query: torch.Tensor, keys: torch.Tensor, ids: torch.Tensor):
        """The sum of the keys, each weighted by the activation unit, one by one."""
        places = [(row, place) for row in range(BATCH) for place in range(PLACES)]
        pairs = torch.stack([
            torch.cat([query[r], keys[r, p], query[r] - keys[r, p], query[r] * keys[r, p]])
            for r, p in places
        ])
        mask = torch.tensor([bool(ids[r, p] >= 0) for r, p in places])
        name = "attention/history"
        hidden = self.dense(f"{name}/dense1", pairs, ATTENTION)
        weights = self.dense(f"{name}/head", self.activate(f"{name}/dense1", hidden, mask), 1)
        rows = []
        for row in range(BATCH):
            own = [i for i, (r, _) in enumerate(places) if r == row and mask[i]]
            rows.append(sum((weights[i] * keys[places[i]] for i in own), torch.zeros(SIZE)))
        return torch.stack(rows)

    def __call__(self, batch: Tensors) -> Tensors:
        """Logits of both nets."""
        items = self.value("embedding/item", [ITEMS + 1, SIZE])
        tags = self.value("embedding/tags", [TAGS + 1, SIZE])
        item, history = items[batch["item"] + 1], items[batch["history"] + 1]
        pooled = torch.stack([
            tags[[int(tag) + 1 for tag in row if tag >= 0]].sum(0) for row in batch["tags"]
        ])
        if self.kind == "dice":
            counts = (batch["tags"] >= 0).sum(1, keepdim=True).clamp(min=1)
            pooled = pooled / counts
        entry = torch.cat(
            [batch["numbers"], item, self.attention(item, history, batch["history"]), pooled], 1
        )
        shared = self.activate("shared/dense1", self.dense("shared/dense1", entry, SHARED))
        logits = {}
        for net, units in HIDDEN.items():
            hidden = self.activate(f"{net}/dense1", self.dense(f"{net}/dense1", shared, units))
            logits[net] = self.dense(f"{net}/head", hidden, 1)
        return logits


def case(kind: str) -> dict:
    """Logits while training and after it, gradients of a sum of losses, and running statistics."""
    batch = inputs()
    net = Net(kind, training=True)
    logits = net(batch)
    loss = sum(
        torch.nn.functional.binary_cross_entropy_with_logits(one[:, 0], batch["label"])
        for one in logits.values()
    )
    loss.backward()
    evaluated = Net(kind, training=False)(batch)
    return {
        "training": {net: values.numbers(one[:, 0].detach().numpy()) for net, one in logits.items()},
        "evaluation": {
            net: values.numbers(one[:, 0].detach().numpy()) for net, one in evaluated.items()
        },
        "loss": values.number(loss.item()),
        "gradients": {
            name: values.summary(value.grad.numpy())
            for name, value in net.values.items()
            if value.grad is not None
        },
        "next": {name: values.numbers(value.detach().numpy()) for name, value in net.next.items()},
    }


def main() -> None:
    """Writes the fixture."""
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    document = {kind: case(kind) for kind in ("prelu", "dice")}
    values.write(Path(__file__).with_name("ctr.jsonl"), document)


if __name__ == "__main__":
    main()
