"""Reference values of DeepFM and DCN-V2, computed by PyTorch from the papers.

DeepFM (Guo et al. 2017, arXiv:1703.04247, equations 1 to 4): a factorization machine, as the sum
over all pairs of fields, and a fully connected net on the same vectors. DCN-V2 (Wang et al. 2021,
arXiv:2008.13535, equations 1 and 2, figure 1): cross layers with a full matrix and with one of low
rank, with hidden layers on top of them and beside them.

    python tests/reference/click_nets.py

writes click_nets.jsonl next to this file.
"""

from itertools import combinations
from pathlib import Path

import torch

import ctr
import values
from ctr import BATCH, ITEMS, SIZE, TAGS, Tensors

HIDDEN = {"light": [6], "booster": [12, 5]}
CROSS = {"light": 1, "booster": 3}
RANK = 2


class Net(ctr.Net):
    """What both families have: pooled features and hidden layers."""

    def pooled(self, prefix: str, size: int, batch: Tensors) -> list[torch.Tensor]:
        """The vectors of the features with ids: one item, a mean of items, a sum of tags."""
        items = self.value(f"{prefix}embedding/item", [ITEMS + 1, size])
        tags = self.value(f"{prefix}embedding/tags", [TAGS + 1, size])
        none = torch.zeros(size)
        history, sums = [], []
        for row in range(BATCH):
            seen = [items[int(id) + 1] for id in batch["history"][row] if id >= 0]
            history.append(sum(seen, none) / max(len(seen), 1))
            sums.append(sum((tags[int(id) + 1] for id in batch["tags"][row] if id >= 0), none))
        return [items[batch["item"] + 1], torch.stack(history), torch.stack(sums)]

    def hidden(self, net: str, x: torch.Tensor) -> torch.Tensor:
        """The hidden layers of a net."""
        for index, units in enumerate(HIDDEN[net], 1):
            name = f"{net}/dense{index}"
            x = self.activate(name, self.dense(name, x, units))
        return x


class DeepFM(Net):
    """y_FM + y_DNN."""

    def fields(self, prefix: str, size: int, batch: Tensors) -> list[torch.Tensor]:
        """The vectors of all fields, each multiplied by the field's value."""
        factors = self.value(f"{prefix}factors/numbers", [2, size])
        numbers = [batch["numbers"][:, i : i + 1] * factors[i] for i in range(2)]
        return numbers + self.pooled(prefix, size, batch)

    def __call__(self, batch: Tensors) -> Tensors:
        vectors = self.fields("", SIZE, batch)
        first = sum(self.fields("linear/", 1, batch))
        second = sum((a * b).sum(1, keepdim=True) for a, b in combinations(vectors, 2))
        deep = torch.cat(vectors, 1)
        return {
            net: first + second + self.dense(f"{net}/head", self.hidden(net, deep), 1)
            for net in HIDDEN
        }


class DCN(Net):
    """Cross layers, and hidden layers on top of them or beside them."""

    low = False
    parallel = False

    def cross(self, name: str, first: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """One cross layer, with W as in the paper: it multiplies columns."""
        width = first.shape[1]
        if self.low:
            v = self.value(f"{name}/down", [width, RANK])
            u = self.value(f"{name}/up", [RANK, width]).T
            weight = u @ v.T
        else:
            weight = self.value(f"{name}/kernel", [width, width]).T
        bias = self.value(f"{name}/bias", [width])
        rows = [first[r] * (weight @ x[r] + bias) + x[r] for r in range(BATCH)]
        return torch.stack(rows)

    def __call__(self, batch: Tensors) -> Tensors:
        first = torch.cat([batch["numbers"], *self.pooled("", SIZE, batch)], 1)
        logits = {}
        for net, layers in CROSS.items():
            x = first
            for index in range(1, layers + 1):
                x = self.cross(f"{net}/cross{index}", first, x)
            if self.parallel:
                x = torch.cat([x, self.hidden(net, first)], 1)
            else:
                x = self.hidden(net, x)
            logits[net] = self.dense(f"{net}/head", x, 1)
        return logits


class LowRank(DCN):
    """Cross layers of low rank beside the hidden layers."""

    low = True
    parallel = True


def case(family: type[Net]) -> dict:
    """Logits, the sum of both losses, and its gradients."""
    batch = ctr.inputs()
    net = family("prelu", training=True)
    logits = net(batch)
    loss = sum(
        torch.nn.functional.binary_cross_entropy_with_logits(one[:, 0], batch["label"])
        for one in logits.values()
    )
    loss.backward()
    return {
        "logits": {net: values.numbers(one[:, 0].detach().numpy()) for net, one in logits.items()},
        "loss": values.number(loss.item()),
        "gradients": {
            name: values.summary(value.grad.numpy()) for name, value in net.values.items()
        },
    }


def main() -> None:
    """Writes the fixture."""
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    families = {"deepfm": DeepFM, "dcn": DCN, "dcn low rank": LowRank}
    document = {name: case(family) for name, family in families.items()}
    values.write(Path(__file__).with_name("click_nets.jsonl"), document)


if __name__ == "__main__":
    main()
