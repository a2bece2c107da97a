"""A CTR rocket in PyTorch, timed step by step: sparse gradients, so that a step costs what it touches."""

import argparse

import torch
import torch.nn.functional as F
from torch import nn

from worker import serve, threads

FEATURES, SIZE, BATCH, RATE, HINT = 8, 16, 1024, 0.01, 0.03
# Steps take them in turn, so that rows of the table are not all in the processor's cache.
BATCHES = 16


def mlp(*sizes: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for before, after in zip(sizes, sizes[1:]):
        layers += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    options = parser.parse_args()

    torch.set_num_threads(threads())
    torch.manual_seed(0)
    torch.set_default_device(options.device)
    table = nn.Embedding(options.rows, SIZE, sparse=True)
    nn.init.normal_(table.weight, 0, 0.01)
    light, booster = mlp(FEATURES * SIZE, 64, 32, 1), mlp(FEATURES * SIZE, 512, 256, 128, 1)
    trained = [*table.parameters(), *light.parameters(), *booster.parameters()]
    optimizer = torch.optim.SGD(trained, RATE)
    batches = [
        (torch.randint(0, options.rows, (BATCH, FEATURES)), torch.randint(0, 2, (BATCH,)).float())
        for _ in range(BATCHES)
    ]
    count = 0

    def step() -> float:
        nonlocal count
        ids, y = batches[count % BATCHES]
        count += 1
        x = table(ids).reshape(BATCH, -1)
        teacher, logits = booster(x).squeeze(1), light(x).squeeze(1)
        loss = (
            F.binary_cross_entropy_with_logits(logits, y)
            + F.binary_cross_entropy_with_logits(teacher, y)
            + HINT * ((teacher.detach() - logits) ** 2).mean()
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    serve(step, f"PyTorch {torch.__version__.split('+')[0]}", sum(p.numel() for p in trained))


if __name__ == "__main__":
    main()
