"""Reference values of a sweep's statistics, computed by SciPy.

    python tests/reference/paired.py

writes paired.jsonl next to this file.
"""

from pathlib import Path

import numpy as np
from scipy import stats

import values

SEEDS = [2, 3, 5, 30]


def case(count: int) -> dict:
    """Two settings over some seeds: spread of one, paired difference of both."""
    first = values.uniform(f"statistics/first/{count}", [count], 0.9, 0.95).astype(np.float64)
    second = values.uniform(f"statistics/second/{count}", [count], 0.91, 0.96).astype(np.float64)
    paired = stats.ttest_rel(second, first).confidence_interval(0.95)
    return {
        "mean": float(first.mean()),
        "deviation": float(first.std(ddof=1)),
        "difference": float((second - first).mean()),
        "low": float(paired.low),
        "high": float(paired.high),
    }


def main() -> None:
    """Writes the fixture."""
    document = {str(count): case(count) for count in SEEDS}
    values.write(Path(__file__).with_name("paired.jsonl"), document)


if __name__ == "__main__":
    main()
