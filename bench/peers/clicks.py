"""What the peers of the rows for a whole epoch of clicks share: the rows, the sizes, and the AUC."""

import argparse
import os
from typing import Callable

import numpy as np
import pyarrow.parquet as pq

from worker import Measured, serve

NUMBERS, IDS, VALUES, SIZE, BATCH, RATE, HINT = 13, 26, 100_000, 10, 4096, 1e-3, 0.03
LIGHT, BOOSTER = (400, 400, 400), (1024, 512, 256)
# All ids are rows of one table. Row 0 of each column's part stands for padding.
ROWS = IDS * (VALUES + 1)
WIDTH = NUMBERS + IDS * SIZE

Rows = tuple[np.ndarray, np.ndarray, np.ndarray]


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--booster", action="store_true")
    return parser.parse_args()


def load(rows: int, split: str) -> Rows:
    """Reads all rows: numbers `[rows, 13]`, row numbers of the table `[rows, 26]`, and labels `[rows]`."""
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".nets", f"clicks-{rows}")
    table = pq.read_table(os.path.join(folder, f"{split}.parquet"))
    numbers = np.stack([table[f"I{i}"].to_numpy() for i in range(NUMBERS)], 1)
    ids = np.stack([table[f"C{i}"].to_numpy() for i in range(IDS)], 1).astype(np.int64)
    return numbers, ids + np.arange(IDS) * (VALUES + 1) + 1, table["y"].to_numpy().astype(np.float32)


def auc(logits: np.ndarray, label: np.ndarray) -> float:
    """The area under the ROC curve. Equal logits get their mean rank."""
    _, places, counts = np.unique(logits, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    rank = ((last - counts + 1 + last) / 2)[places]
    positive = label == 1
    p, n = int(positive.sum()), int((~positive).sum())
    return float((rank[positive].sum() - p * (p + 1) / 2) / (p * n))


def race(epoch: Callable[[Rows, int], tuple[float, Callable[[Rows], np.ndarray], int]], rows: int, detail: str) -> None:
    """Times epochs. `epoch` trains with a seed; it returns its seconds, the net's logits, and its number of parameters."""
    train, test = load(rows, "train"), load(rows, "test")
    seed, parameters = 0, 0

    def step() -> Measured:
        nonlocal seed, parameters
        seed += 1
        seconds, logits, parameters = epoch(train, seed)
        return {"milliseconds": seconds * 1000, "auc": auc(logits(test), test[2])}

    step()
    serve(step, detail, parameters, warm_up=0)
