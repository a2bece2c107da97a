"""Reference values of distillation losses and their gradients, computed by PyTorch in float64.

    python tests/reference/distillation.py

writes distillation.jsonl next to this file. Each function below is written from the formula of its
paper, in the form of the implementation that it names. Outputs and variables are by formula, uniform
in [−bound, bound); maps are [rows, height, width, channels].
"""

from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F

import values

ROWS = 6

Tensor = torch.Tensor
Loss = Callable[..., Tensor]


def classes(x: Tensor) -> Tensor:
    """Logits of classes; one logit stands for two, the second with logit 0."""
    return torch.cat([x, torch.zeros_like(x)], 1) if x.shape[1] == 1 else x


def targets(label: Tensor, units: int) -> Tensor:
    """The label as an index into classes(): of one logit, the first class is the label 1."""
    return 1 - label if units == 1 else label


def mean_kl(teacher: Tensor, student: Tensor) -> Tensor:
    """The mean over rows of KL(teacher ‖ student) of probabilities and log-probabilities."""
    return F.kl_div(student, teacher, reduction="batchmean")


def knowledge_distillation(temperature: float, alpha: float, scale: bool = True) -> Loss:
    """Hinton et al. 2015, section 2."""

    def loss(teacher: Tensor, student: Tensor, label: Tensor) -> Tensor:
        units = student.shape[1]
        soft = mean_kl(
            F.softmax(classes(teacher) / temperature, 1),
            F.log_softmax(classes(student) / temperature, 1),
        )
        hard = F.cross_entropy(classes(student), targets(label, units))
        return alpha * (temperature**2 if scale else 1) * soft + (1 - alpha) * hard

    return loss


def decoupled_kd(temperature: float, alpha: float, beta: float) -> Loss:
    """Zhao et al. 2022, equations 5 to 7, by probabilities: float64 bears it."""

    def loss(teacher: Tensor, student: Tensor, label: Tensor) -> Tensor:
        chosen = F.one_hot(targets(label, teacher.shape[1]), classes(teacher).shape[1]).bool()
        sums = []
        for x in (teacher, student):
            p = F.softmax(classes(x) / temperature, 1)
            target = p[chosen]
            others = p[~chosen].view(len(p), -1)
            rest = others.sum(1)
            sums.append((torch.stack([target, rest], 1), others / rest[:, None]))
        (b_teacher, hat_teacher), (b_student, hat_student) = sums
        tckd = (b_teacher * (b_teacher.log() - b_student.log())).sum(1)
        nckd = (hat_teacher * (hat_teacher.log() - hat_student.log())).sum(1)
        return (temperature**2 * (alpha * tckd + beta * nckd)).mean()

    return loss


def logit_standardization(temperature: float) -> Loss:
    """Sun et al. 2024, algorithm 1; normalize() and kd_loss() of logit-standardization-KD."""

    def normalize(logit: Tensor) -> Tensor:
        return (logit - logit.mean(dim=-1, keepdims=True)) / (
            1e-7 + logit.std(dim=-1, keepdims=True)
        )

    def loss(teacher: Tensor, student: Tensor, _label: Tensor) -> Tensor:
        return temperature**2 * mean_kl(
            F.softmax(normalize(teacher) / temperature, 1),
            F.log_softmax(normalize(student) / temperature, 1),
        )

    return loss


def dist(beta: float, gamma: float, temperature: float) -> Loss:
    """Huang et al. 2022, equations 8 to 10; DIST of DIST_KD."""

    def relation(a: Tensor, b: Tensor) -> Tensor:
        a = a - a.mean(1, keepdim=True)
        b = b - b.mean(1, keepdim=True)
        return 1 - ((a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1) + 1e-8)).mean()

    def loss(teacher: Tensor, student: Tensor, _label: Tensor) -> Tensor:
        p = F.softmax(classes(teacher) / temperature, 1)
        q = F.softmax(classes(student) / temperature, 1)
        # Of two classes Pearson's correlation is 1 or −1, and its gradient rounding errors.
        within_row = beta * relation(q, p) if beta else 0
        return temperature**2 * (within_row + gamma * relation(q.T, p.T))

    return loss


def relational_kd(distance: float, angle: float) -> Loss:
    """Park et al. 2019, equations 4 to 9; metric/loss.py of RKD."""

    def pdist(e: Tensor) -> Tensor:
        square = e.pow(2).sum(1)
        result = (square[:, None] + square[None, :] - 2 * e @ e.t()).clamp(min=1e-12).sqrt()
        result = result.clone()
        result[range(len(e)), range(len(e))] = 0
        return result

    def distances(e: Tensor) -> Tensor:
        d = pdist(e)
        return d / d[d > 0].mean()

    def angles(e: Tensor) -> Tensor:
        directions = F.normalize(e.unsqueeze(0) - e.unsqueeze(1), p=2, dim=2)
        return torch.bmm(directions, directions.transpose(1, 2)).view(-1)

    def loss(teacher: Tensor, student: Tensor, _label: Tensor) -> Tensor:
        return distance * F.smooth_l1_loss(distances(student), distances(teacher)) + (
            angle * F.smooth_l1_loss(angles(student), angles(teacher)) if angle else 0
        )

    return loss


def similarity_preserving(teacher: Tensor, student: Tensor, _label: Tensor) -> Tensor:
    """Tung and Mori 2019, equations 1 to 4; Similarity of RepDistiller."""
    likeness = []
    for x in (teacher, student):
        x = x.reshape(len(x), -1)
        likeness.append(F.normalize(x @ x.t()))
    return (likeness[0] - likeness[1]).pow(2).sum() / len(teacher) ** 2


def attention_transfer(power: float) -> Loss:
    """Zagoruyko and Komodakis 2017, equation 2; at_loss() of Rocket-Launching's utils.py."""

    def attention(x: Tensor) -> Tensor:
        x = x.permute(0, 3, 1, 2)
        return F.normalize(x.abs().pow(power).mean(1).view(x.size(0), -1))

    def loss(teacher: Tensor, student: Tensor, _label: Tensor) -> Tensor:
        return (attention(student) - attention(teacher)).pow(2).mean()

    return loss


def fitnet(half_sum: bool = False) -> Loss:
    """Romero et al. 2015, equation 3; HintLoss and ConvReg of RepDistiller."""

    def loss(teacher: Tensor, student: Tensor, _label: Tensor, *regressor: Tensor) -> Tensor:
        if regressor:
            kernel, bias = regressor
            student = (
                student @ kernel + bias
                if student.ndim == 2
                else F.conv2d(
                    student.permute(0, 3, 1, 2), kernel.permute(3, 2, 0, 1), bias
                ).permute(0, 2, 3, 1)
            )
        if half_sum:
            return 0.5 * (teacher - student).pow(2).sum() / len(teacher)
        return F.mse_loss(student, teacher)

    return loss


def hidden_similarity(measure: str) -> Loss:
    """feature_based_sim() of EasyRec's rocket_launching.py."""

    def loss(teacher: Tensor, student: Tensor, _label: Tensor) -> Tensor:
        if measure == "cosine":
            return -(F.normalize(teacher, dim=1) * F.normalize(student, dim=1)).sum(1).mean()
        return (teacher - student).square().sum().sqrt()

    return loss


def uniform(name: str, shape: list[int], bound: float) -> Tensor:
    """Numbers by formula."""
    return torch.from_numpy(values.uniform(f"distillation/{name}", shape, -bound, bound)).double()


def labels(kinds: int) -> Tensor:
    """Classes by formula."""
    return torch.from_numpy(values.integers(f"distillation/label{kinds}", ROWS, kinds))


def case(
    stage: str,
    name: str,
    loss: Loss,
    start: list[int],
    end: list[int] | None = None,
    bound: float = 3,
    variables: dict[str, list[int]] | None = None,
    **options: object,
) -> dict:
    """A loss with its gradient with respect to each output and variable."""
    end = end or start
    variables = variables or {}
    key = f"{stage}, {name}"
    inputs = {
        "from": uniform(f"{key}/from", [ROWS, *start], bound),
        "to": uniform(f"{key}/to", [ROWS, *end], bound),
        **{name: uniform(f"{key}/{name}", shape, 0.5) for name, shape in variables.items()},
    }
    inputs = {name: value.requires_grad_() for name, value in inputs.items()}
    teacher, student, *rest = inputs.values()
    value = loss(teacher, student, labels(max(end[-1], 2)), *rest)
    gradients = torch.autograd.grad(value, list(inputs.values()))
    return {
        key: {
            "stage": stage,
            "rows": ROWS,
            "options": options,
            "bound": bound,
            "shapes": {"from": start, "to": end, **variables},
            "value": values.number(value.detach()),
            "gradients": {
                name: values.numbers(gradient.numpy().ravel())
                for name, gradient in zip(inputs, gradients, strict=True)
            },
        }
    }


def logit_cases() -> dict:
    """Losses of logits."""
    document = {}
    for units in (1, 2, 5):
        for bound in (3, 60):
            name = f"{units} logits up to {bound}"
            document |= case(
                "knowledge-distillation",
                name,
                knowledge_distillation(4, 0.9),
                [units],
                bound=bound,
            )
            document |= case(
                "decoupled-kd", name, decoupled_kd(4, 1, 8), [units], bound=bound
            )
            if units > 2:
                document |= case(
                    "logit-standardization", name, logit_standardization(2), [units], bound=bound
                )
        beta = 1 if units > 2 else 0
        document |= case("dist", f"{units} logits", dist(beta, 1, 1), [units], beta=beta)
        document |= case(
            "dist",
            f"{units} logits at 4",
            dist(beta, 0.5, 4),
            [units],
            beta=beta,
            gamma=0.5,
            temperature=4,
        )
    document |= case(
        "knowledge-distillation",
        "other options",
        knowledge_distillation(3, 0.25, False),
        [5],
        temperature=3,
        alpha=0.25,
        scaleByTemperature=False,
    )
    document |= case(
        "decoupled-kd",
        "other options",
        decoupled_kd(2, 0.5, 3),
        [4],
        temperature=2,
        alpha=0.5,
        beta=3,
    )
    return document


def hidden_cases() -> dict:
    """Losses of hidden outputs."""
    return {
        **case("relational-kd", "vectors", relational_kd(25, 50), [7], [5]),
        **case("relational-kd", "large logits", relational_kd(25, 50), [3], bound=60),
        **case("relational-kd", "one logit", relational_kd(1, 0), [1], distance=1, angle=0),
        **case("similarity-preserving", "maps", similarity_preserving, [4, 4, 3], [2, 2, 5]),
        **case("similarity-preserving", "logits of one unit", similarity_preserving, [1]),
        **case("attention-transfer", "maps", attention_transfer(2), [4, 3, 5], [4, 3, 2]),
        **case("attention-transfer", "power 3", attention_transfer(3), [4, 3, 5], power=3),
        **case("fitnet", "alike", fitnet(), [4, 3, 2]),
        **case("fitnet", "half the sum", fitnet(True), [5], reduce="half-sum"),
        **case(
            "fitnet",
            "channels",
            fitnet(),
            [4, 3, 5],
            [4, 3, 2],
            variables={"regressor/kernel": [1, 1, 2, 5], "regressor/bias": [5]},
        ),
        **case(
            "fitnet",
            "smaller maps",
            fitnet(),
            [2, 3, 3],
            [4, 4, 2],
            variables={"regressor/kernel": [3, 2, 2, 3], "regressor/bias": [3]},
        ),
        **case(
            "fitnet",
            "vectors",
            fitnet(),
            [5],
            [3],
            variables={"regressor/kernel": [3, 5], "regressor/bias": [5]},
        ),
        **case("hidden-similarity", "cosine", hidden_similarity("cosine"), [7]),
        **case(
            "hidden-similarity",
            "euclid",
            hidden_similarity("euclid"),
            [7],
            measure="euclid",
        ),
    }


def rocket_with_kd(light: Tensor, booster: Tensor, label: Tensor) -> Tensor:
    """h() of rocket_interval.py: γ = 0.03, T = 4, α = 0.9, its means as PyTorch 0.2 took them."""
    hint = ((booster.detach() - light) ** 2).sum() / ROWS
    soft = F.kl_div(
        F.log_softmax(light / 4, 1), F.softmax(booster.detach() / 4, 1), reduction="mean"
    ) * (4 * 4 * 2.0 * 0.9)
    return soft + F.cross_entropy(booster, label) + F.cross_entropy(light, label) + 0.03 * hint


def basic_kd(light: Tensor, booster: Tensor, label: Tensor) -> Tensor:
    """distillation() of utils.py beside a booster that learns from the label alone."""
    soft = F.kl_div(
        F.log_softmax(light / 4, 1), F.softmax(booster.detach() / 4, 1), reduction="mean"
    ) * (4 * 4 * 2.0 * 0.9)
    hard = F.cross_entropy(light, label) * (1.0 - 0.9)
    return soft + hard + F.cross_entropy(booster, label)


def mutual(light: Tensor, booster: Tensor, label: Tensor) -> Tensor:
    """Zhang et al. 2018, equations 3 to 6: each net learns from the other's constant softmax."""
    return (
        F.cross_entropy(light, label)
        + F.cross_entropy(booster, label)
        + mean_kl(F.softmax(booster.detach(), 1), F.log_softmax(light, 1))
        + mean_kl(F.softmax(light.detach(), 1), F.log_softmax(booster, 1))
    )


def total(name: str, loss: Loss) -> dict:
    """A total loss of both nets' logits with its gradients."""
    logits = [uniform(f"{net}", [ROWS, 5], 3).requires_grad_() for net in ("light", "booster")]
    value = loss(*logits, labels(5))
    light, booster = torch.autograd.grad(value, logits)
    return {
        name: {
            "rows": ROWS,
            "value": values.number(value.detach()),
            "light": values.numbers(light.numpy().ravel()),
            "booster": values.numbers(booster.numpy().ravel()),
        }
    }


def main() -> None:
    """Writes the fixture."""
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(1)
    document = {
        "losses": logit_cases() | hidden_cases(),
        "totals": total("rocket with kd", rocket_with_kd)
        | total("kd", basic_kd)
        | total("mutual", mutual),
    }
    values.write(Path(__file__).with_name("distillation.jsonl"), document)


if __name__ == "__main__":
    main()
