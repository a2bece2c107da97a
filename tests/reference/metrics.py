"""Reference values of metrics, computed by scikit-learn.

    python tests/reference/metrics.py

writes metrics.jsonl next to this file.
"""

from pathlib import Path

import numpy as np
from sklearn.metrics import accuracy_score, roc_auc_score, top_k_accuracy_score

import values

AUC_ROWS = 60
ROWS = 40
CLASSES = 10


def auc() -> dict:
    """Areas under the ROC curve, of all different scores and of scores with ties."""
    label = values.integers("metrics/auc/label", AUC_ROWS, 2)
    scores = {
        "distinct": values.uniform("metrics/auc/distinct", [AUC_ROWS], -3, 3),
        "tied": values.integers("metrics/auc/tied", AUC_ROWS, 5).astype(np.float32),
        "constant": np.zeros(AUC_ROWS, np.float32),
        "perfect": label.astype(np.float32),
        "reversed": -label.astype(np.float32),
    }
    return {name: values.number(roc_auc_score(label, score)) for name, score in scores.items()}


def classification() -> dict:
    """Accuracy and top-k accuracy of random logits, and how often two nets agree."""
    label = values.integers("metrics/label", ROWS, CLASSES)
    light, booster = (
        values.uniform(f"metrics/{net}", [ROWS, CLASSES], -3, 3) for net in ("light", "booster")
    )
    top_k = {
        f"top{k}": values.number(top_k_accuracy_score(label, light, k=k, labels=range(CLASSES)))
        for k in (1, 3, 5)
    }
    return {
        "accuracy": values.number(accuracy_score(label, light.argmax(1))),
        **top_k,
        "agreement": values.number(accuracy_score(booster.argmax(1), light.argmax(1))),
    }


def main() -> None:
    """Writes the fixture."""
    document = {
        "auc": {"rows": AUC_ROWS, **auc()},
        "classification": {"rows": ROWS, "classes": CLASSES, **classification()},
    }
    values.write(Path(__file__).with_name("metrics.jsonl"), document)


if __name__ == "__main__":
    main()
