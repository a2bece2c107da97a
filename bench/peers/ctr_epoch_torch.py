"""An epoch of clicks in PyTorch: one sparse table with SparseAdam, Adam for the layers, and all rows in memory before the clock starts."""

import time
from typing import Callable

import numpy as np
import torch

import clicks
from clicks import BATCH, BOOSTER, HINT, LIGHT, RATE, ROWS, SIZE, WIDTH, Rows
from worker import threads


def mlp(hidden: tuple[int, ...]) -> torch.nn.Sequential:
    layers: list[torch.nn.Module] = []
    for before, after in zip((WIDTH, *hidden), hidden):
        layers += [torch.nn.Linear(before, after), torch.nn.ReLU()]
    return torch.nn.Sequential(*layers, torch.nn.Linear(hidden[-1], 1))


def main() -> None:
    options = clicks.options()
    torch.set_num_threads(threads())

    def epoch(rows: Rows, seed: int) -> tuple[float, Callable[[Rows], np.ndarray], int]:
        torch.manual_seed(seed)
        numbers, ids, label = map(torch.from_numpy, rows)
        table = torch.nn.Embedding(ROWS, SIZE, sparse=True)
        torch.nn.init.normal_(table.weight, std=0.01)
        nets = [mlp(LIGHT), *([mlp(BOOSTER)] if options.booster else [])]
        dense = [parameter for net in nets for parameter in net.parameters()]
        optimizers = torch.optim.SparseAdam(table.parameters(), RATE), torch.optim.Adam(dense, RATE)
        loss_of = torch.nn.functional.binary_cross_entropy_with_logits

        def outputs(numbers: torch.Tensor, ids: torch.Tensor) -> list[torch.Tensor]:
            x = torch.cat([numbers, table(ids).flatten(1)], 1)
            return [net(x).squeeze(1) for net in nets]

        order = torch.randperm(len(label))
        start = time.perf_counter()
        for at in range(0, len(label), BATCH):
            chosen = order[at : at + BATCH]
            y = label[chosen]
            light, *teacher = outputs(numbers[chosen], ids[chosen])
            loss = loss_of(light, y)
            for logits in teacher:
                loss = loss + loss_of(logits, y) + HINT * torch.mean((logits.detach() - light) ** 2)
            for optimizer in optimizers:
                optimizer.zero_grad()
            loss.backward()
            for optimizer in optimizers:
                optimizer.step()
            # As Rocket does, to see whether it is finite.
            loss.item()
        seconds = time.perf_counter() - start

        def logits(rows: Rows) -> np.ndarray:
            numbers, ids, _ = map(torch.from_numpy, rows)
            with torch.no_grad():
                parts = [outputs(numbers[at : at + BATCH], ids[at : at + BATCH])[0] for at in range(0, len(ids), BATCH)]
                return torch.cat(parts).numpy()

        count = sum(parameter.numel() for parameter in [table.weight, *dense])
        return seconds, logits, count

    clicks.race(epoch, options.rows, f"PyTorch {torch.__version__.split('+')[0]}")


main()
