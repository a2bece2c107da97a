"""Reference values of metrics, computed by scikit-learn.

    python tests/reference/metrics.py

writes metrics.jsonl next to this file.
"""

from pathlib import Path

import numpy as np
from scipy.stats import bootstrap
from sklearn.calibration import calibration_curve
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    confusion_matrix,
    f1_score,
    log_loss,
    mean_squared_error,
    ndcg_score,
    roc_auc_score,
    top_k_accuracy_score,
)

import values

AUC_ROWS = 60
ROWS = 40
CLICKS = 200
USERS = 40
BINS = 10
CLASSES = 10


def ranked() -> dict:
    """Areas under both curves, of all different scores and of scores with ties."""
    label = values.integers("metrics/auc/label", AUC_ROWS, 2)
    scores = {
        "distinct": values.uniform("metrics/auc/distinct", [AUC_ROWS], -3, 3),
        "tied": values.integers("metrics/auc/tied", AUC_ROWS, 5).astype(np.float32),
        "constant": np.zeros(AUC_ROWS, np.float32),
        "perfect": label.astype(np.float32),
        "reversed": -label.astype(np.float32),
    }
    return {
        name: {
            "auc": values.number(roc_auc_score(label, score)),
            "averagePrecision": values.number(average_precision_score(label, score)),
        }
        for name, score in scores.items()
    }


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
        "macroF1": values.number(f1_score(label, light.argmax(1), average="macro")),
        "microF1": values.number(f1_score(label, light.argmax(1), average="micro")),
        "confusion": values.numbers(
            confusion_matrix(label, light.argmax(1), labels=range(CLASSES), normalize="true")
        ),
    }


def clicks() -> dict:
    """Metrics of click models: rows of users, some of whom have rows of one class only."""
    label = values.integers("metrics/clicks/label", CLICKS, 2)
    user = values.integers("metrics/clicks/user", CLICKS, USERS)
    logit = values.uniform("metrics/clicks/logit", [CLICKS], -3, 3).astype(np.float64)
    weight = values.uniform("metrics/clicks/weight", [CLICKS], 0, 2).astype(np.float64)
    probability = 1 / (1 + np.exp(-logit))
    areas, rows = [], []
    for own in (user == one for one in range(USERS)):
        if 0 < label[own].sum() < own.sum():
            areas.append(roc_auc_score(label[own], logit[own]))
            rows.append(own.sum())
    interval = bootstrap(
        (np.array(areas), np.array(rows)),
        lambda areas, rows: np.average(areas, weights=rows),
        paired=True,
        vectorized=False,
        n_resamples=100_000,
        method="percentile",
        rng=np.random.default_rng(1),
    ).confidence_interval
    score = np.floor(2 * logit + 0.5)
    grade = values.integers("metrics/clicks/grade", CLICKS, 4)
    ndcg = {
        f"{name} {gain} {k or 'all'}": values.number(
            np.mean(
                [
                    ndcg_score([gains[own]], [score[own]], k=k)
                    for own in (user == one for one in range(USERS))
                    if own.sum() > 1 and gains[own].sum() > 0
                ]
            )
        )
        for name, labels in (("binary", label), ("number", grade))
        for gain, gains in (("linear", labels), ("exponential", 2**labels - 1))
        for k in (None, 1, 3)
    }
    observed, predicted = calibration_curve(label, probability, n_bins=BINS)
    rate, weighted_rate = label.mean(), np.average(label, weights=weight)
    base, weighted_base = (np.full(CLICKS, p) for p in (rate, weighted_rate))
    counts = np.histogram(probability, bins=BINS, range=(0, 1))[0]
    counts = counts[counts > 0]
    return {
        "users": len(rows),
        "gauc": values.number(np.average(areas, weights=rows)),
        "gaucLow": values.number(interval.low),
        "gaucHigh": values.number(interval.high),
        "ndcg": ndcg,
        "logLoss": values.number(log_loss(label, probability)),
        "weightedLogLoss": values.number(log_loss(label, probability, sample_weight=weight)),
        "normalizedEntropy": values.number(log_loss(label, probability) / log_loss(label, base)),
        "weightedNormalizedEntropy": values.number(
            log_loss(label, probability, sample_weight=weight)
            / log_loss(label, weighted_base, sample_weight=weight)
        ),
        "binaryF1": values.number(f1_score(label, logit > 0)),
        "macroF1": values.number(f1_score(label, logit > 0, average="macro")),
        "rootMeanSquaredError": values.number(np.sqrt(mean_squared_error(weight, logit))),
        "ratio": values.number(probability.sum() / label.sum()),
        "ece": values.number(np.average(np.abs(observed - predicted), weights=counts)),
    }


def main() -> None:
    """Writes the fixture."""
    document = {
        "ranked": {"rows": AUC_ROWS, **ranked()},
        "classification": {"rows": ROWS, "classes": CLASSES, **classification()},
        "clicks": {"rows": CLICKS, "groups": USERS, **clicks()},
    }
    values.write(Path(__file__).with_name("metrics.jsonl"), document)


if __name__ == "__main__":
    main()
