"""Reference values of wide residual rocket nets, computed by PyTorch.

The nets, losses and settings are those of the Rocket Launching authors' code (GitHub
zhougr1993/Rocket-Launching, rocket_interval.py, rocket_bottom.py, utils.py). Names and layouts of
variables are those of the wide-resnet stage: kernels [height, width, in, out], dense kernels
[in, out], images [batch, height, width, channels].

    python tests/reference/wrn.py

writes wrn_*.jsonl next to this file, in half a minute. It computes everything in float64 from
float32 starting values, then again in float32, and prints how far the two are apart.

A relu whose input is nearly 0 makes a gradient ill-conditioned: rounding decides whether it passes,
and one flip in a small net is far above 1e-4. So each run takes the first series of batches in
which no input of a relu comes closer to 0 than CLEARANCE.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

import values

GAMMA = 0.03
STEPS = 10
RATE = 0.1
MOMENTUM = 0.9
WEIGHT_DECAY = 5e-4
CLEARANCE = 1e-5
TERMS = ("ceLight", "ceBooster", "hint")
OWNERS = ("light", "booster", "shared")

Tensors = dict[str, torch.Tensor]


class TooCloseError(Exception):
    """An input of a relu is nearer to 0 than CLEARANCE."""


@dataclass(frozen=True)
class Case:
    """One pair of nets and what the gradient of the light net's losses may reach.

    gradient is "block" (the paper: the hint does not reach the booster), "pass" (it reaches both
    nets) or "own" (EasyRec: block, and neither loss of the light net moves shared variables).
    """

    sharing: str
    gradient: str
    light_depth: int = 10
    booster_depth: int = 16
    width: int = 1
    size: int = 8
    channels: int = 3
    batch: int = 4
    classes: int = 10

    @property
    def name(self) -> str:
        return f"{self.sharing}_{self.gradient}"

    @property
    def widths(self) -> list[int]:
        return [16 * self.width, 32 * self.width, 64 * self.width]

    def blocks(self, net: str) -> list[int]:
        """How many blocks the net has in each of its groups."""
        booster = (self.booster_depth - 4) // 6
        if net == "booster":
            return [booster] * 3
        return [booster] * 2 if self.sharing == "bottom" else [(self.light_depth - 4) // 6] * 3

    def kernel_prefix(self, net: str) -> str:
        return f"{net}/" if self.sharing == "none" else ""

    def owner(self, name: str) -> str:
        """Whose a variable is: of both nets if both read it."""
        readers = [net for net in ("light", "booster") if name in shapes(self, net)]
        return "shared" if len(readers) == 2 else readers[0]

    def shapes(self) -> dict[str, list[int]]:
        return shapes(self, "booster") | shapes(self, "light")


def shapes(case: Case, net: str) -> dict[str, list[int]]:
    """The variables that a net reads."""
    result = {"stem/kernel": [3, 3, case.channels, 16]}

    def norm(name: str, channels: int) -> None:
        for part in ("scale", "offset", "mean", "variance"):
            result[f"{name}/{part}"] = [channels]

    before = 16
    for group, count in enumerate(case.blocks(net), 1):
        after = case.widths[group - 1]
        for block in range(1, count + 1):
            path = f"group{group}/block{block}"
            kernels = case.kernel_prefix(net) + path
            norm(f"{net}/{path}/norm1", before)
            result[f"{kernels}/conv1/kernel"] = [3, 3, before, after]
            norm(f"{net}/{path}/norm2", after)
            result[f"{kernels}/conv2/kernel"] = [3, 3, after, after]
            if before != after:
                result[f"{kernels}/shortcut/kernel"] = [1, 1, before, after]
            before = after
    norm(f"{net}/head/norm", before)
    result[f"{net}/head/kernel"] = [before, case.classes]
    result[f"{net}/head/bias"] = [case.classes]
    return result


def trainable(name: str) -> bool:
    """Whether a variable is not a running statistic."""
    return name.rsplit("/", 1)[-1] not in ("mean", "variance")


def forward(
    case: Case, net: str, variables: Tensors, image: torch.Tensor, training: bool
) -> torch.Tensor:
    """The net's logits. In training, the net's running statistics move.

    Raises TooCloseError in training in float64.
    """
    detached = case.gradient == "own" and net == "light"

    def conv(x: torch.Tensor, name: str, stride: int = 1) -> torch.Tensor:
        kernel = variables[f"{name}/kernel"]
        if detached and case.owner(f"{name}/kernel") == "shared":
            kernel = kernel.detach()
        padding = kernel.shape[0] // 2
        return F.conv2d(x, kernel.permute(3, 2, 0, 1), stride=stride, padding=padding)

    def norm_relu(x: torch.Tensor, name: str) -> torch.Tensor:
        scale, offset, mean, variance = (
            variables[f"{net}/{name}/{part}"] for part in ("scale", "offset", "mean", "variance")
        )
        y = F.batch_norm(x, mean, variance, scale, offset, training)
        if training and y.dtype == torch.float64 and y.abs().min() < CLEARANCE:
            raise TooCloseError
        return F.relu(y)

    x = conv(image.permute(0, 3, 1, 2), "stem")
    for group, count in enumerate(case.blocks(net), 1):
        for block in range(1, count + 1):
            path = f"group{group}/block{block}"
            kernels = case.kernel_prefix(net) + path
            stride = 2 if group > 1 and block == 1 else 1
            first = norm_relu(x, f"{path}/norm1")
            second = norm_relu(conv(first, f"{kernels}/conv1", stride), f"{path}/norm2")
            residual = conv(second, f"{kernels}/conv2")
            if f"{kernels}/shortcut/kernel" in variables:
                x = residual + conv(first, f"{kernels}/shortcut", stride)
            else:
                x = residual + x
    pooled = F.avg_pool2d(norm_relu(x, "head/norm"), x.shape[-1], 1, 0).flatten(1)
    return F.linear(pooled, variables[f"{net}/head/kernel"].T, variables[f"{net}/head/bias"])


def loss_terms(case: Case, logits: Tensors, label: torch.Tensor) -> Tensors:
    """The three terms of the total loss, weights included."""
    teacher = logits["booster"] if case.gradient == "pass" else logits["booster"].detach()
    return {
        "ceLight": F.cross_entropy(logits["light"], label),
        "ceBooster": F.cross_entropy(logits["booster"], label),
        "hint": GAMMA * ((teacher - logits["light"]) ** 2).sum() / len(label),
    }


def start(case: Case, dtype: torch.dtype) -> Tensors:
    """All variables at their starting values."""
    return {
        name: torch.from_numpy(values.values(name, shape)).to(dtype).requires_grad_(trainable(name))
        for name, shape in case.shapes().items()
    }


def batch(case: Case, name: str, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    """Images of variance 1 and random labels."""
    shape = [case.batch, case.size, case.size, case.channels]
    image = torch.from_numpy(values.uniform(f"{name}/image", shape, -1.75, 1.75)).to(dtype)
    label = torch.from_numpy(values.integers(f"{name}/label", case.batch, case.classes))
    return image, label


def both(case: Case, variables: Tensors, image: torch.Tensor, training: bool) -> Tensors:
    """The logits of both nets."""
    return {net: forward(case, net, variables, image, training) for net in ("light", "booster")}


def gradients(case: Case, first_batch: int, dtype: torch.dtype) -> dict:
    """Logits, losses and gradients of the first step."""
    variables = start(case, dtype)
    names = [name for name in variables if trainable(name)]
    image, label = batch(case, f"batch{first_batch}", dtype)
    logits = both(case, variables, image, training=True)
    terms = loss_terms(case, logits, label)
    by_term = {
        term: torch.autograd.grad(
            loss,
            [variables[name] for name in names],
            retain_graph=True,
            allow_unused=True,
            materialize_grads=True,
        )
        for term, loss in terms.items()
    }

    def norm(term: str, owner: str) -> torch.Tensor:
        parts = [
            g.flatten() for n, g in zip(names, by_term[term], strict=True) if case.owner(n) == owner
        ]
        return torch.cat(parts).norm()

    return {
        "logits": {net: array(logits[net]) for net in logits},
        "losses": {term: array(terms[term]) for term in TERMS}
        | {"total": array(sum(terms.values()))},
        "gradientNorms": {
            term: {owner: array(norm(term, owner)) for owner in OWNERS} for term in TERMS
        },
        "gradients": {
            name: array(sum(by_term[term][i] for term in TERMS)) for i, name in enumerate(names)
        },
    }


def training_run(case: Case, nesterov: bool, first_batch: int, dtype: torch.dtype) -> dict:
    """Ten optimizer steps on ten batches, then an evaluation."""
    variables = start(case, dtype)
    optimizer = torch.optim.SGD(
        [variable for name, variable in variables.items() if trainable(name)],
        lr=RATE,
        momentum=MOMENTUM,
        weight_decay=WEIGHT_DECAY,
        nesterov=nesterov,
    )
    losses = []
    for index in range(first_batch, first_batch + STEPS):
        image, label = batch(case, f"batch{index}", dtype)
        terms = loss_terms(case, both(case, variables, image, training=True), label)
        optimizer.zero_grad()
        sum(terms.values()).backward()
        optimizer.step()
        losses.append(array(torch.stack([terms[term] for term in TERMS])))
    image, _ = batch(case, "evaluation", dtype)
    with torch.no_grad():
        logits = both(case, variables, image, training=False)
    return {
        "losses": np.array(losses),
        "logits": {net: array(logits[net]) for net in logits},
        "variables": {name: array(variable) for name, variable in variables.items()},
    }


def array(tensor: torch.Tensor) -> np.ndarray:
    """A tensor's numbers in float64."""
    return tensor.detach().numpy().astype(np.float64)


def distance(a: object, b: object) -> float:
    """The greatest difference, relative to each array's root mean square."""
    if isinstance(a, dict):
        return max(distance(a[key], b[key]) for key in a)
    scale = np.sqrt(np.mean(np.square(a)))
    return 0.0 if scale == 0 and not np.any(b) else float(np.max(np.abs(a - b)) / scale)


def precise(label: str, compute: Callable[[int, torch.dtype], dict]) -> dict:
    """What compute gives in float64 for the first batches that suit, and which these are.

    Prints how far float32 is from it.
    """
    for first in itertools.count():
        try:
            exact = compute(first, torch.float64)
        except TooCloseError:
            continue
        rounded = compute(first, torch.float32)
        parts = ", ".join(f"{part} {distance(exact[part], rounded[part]):.0e}" for part in exact)
        print(f"{label} from batch {first}: float32 is off by: {parts}")
        return exact | {"firstBatch": first}


def policy_document(case: Case) -> dict:
    """The first step's gradients, and what training comes to."""
    optimizers = [] if case.gradient == "own" else ["momentum"]
    if case.name == "interval_block":
        # One case is enough for the second optimizer.
        optimizers.append("nesterov")
    runs = {
        name: precise(
            f"{case.name} {name}",
            lambda *args, name=name: training_run(case, name == "nesterov", *args),
        )
        for name in optimizers
    }
    first = precise(f"{case.name} gradients", lambda *args: gradients(case, *args))
    return {
        "firstStep": {
            "firstBatch": first["firstBatch"],
            "logits": kept(first["logits"], values.numbers),
            "losses": kept(first["losses"], values.number),
            "gradientNorms": {
                term: kept(norms, values.number) for term, norms in first["gradientNorms"].items()
            },
            "gradients": kept(first["gradients"], values.summary),
        }
    } | {
        name: {
            "options": {
                "learningRate": RATE,
                "momentum": MOMENTUM,
                "weightDecay": WEIGHT_DECAY,
                "nesterov": name == "nesterov",
            },
            "firstBatch": run["firstBatch"],
            "losses": values.numbers(run["losses"]),
            "logits": kept(run["logits"], values.numbers),
            "variables": kept(run["variables"], values.summary),
        }
        for name, run in runs.items()
    }


def kept(entries: dict[str, np.ndarray], keep: Callable[[np.ndarray], object]) -> dict:
    """What a fixture keeps of each array."""
    return {name: keep(entry) for name, entry in entries.items()}


def batch_document(case: Case, name: str) -> dict:
    """What tells whether another language makes the same batch."""
    image, label = batch(case, name, torch.float32)
    return {"image": values.checksum(image.numpy()), "label": label.tolist()}


def document(cases: list[Case]) -> dict:
    """The fixture of one sharing under several policies."""
    case = cases[0]
    return {
        "case": {
            "sharing": case.sharing,
            # With bottom sharing the light net has no size of its own.
            **(
                {}
                if case.sharing == "bottom"
                else {"light": {"depth": case.light_depth, "width": case.width}}
            ),
            "booster": {"depth": case.booster_depth, "width": case.width},
            "image": [case.size, case.size, case.channels],
            "batch": case.batch,
            "classes": case.classes,
            "hintWeight": GAMMA,
        },
        "variables": {
            name: {
                "shape": shape,
                "owner": case.owner(name),
                "trainable": trainable(name),
                "checksum": values.checksum(values.values(name, shape)),
            }
            for name, shape in case.shapes().items()
        },
        "batches": {
            name: batch_document(case, name) for name in ("batch0", "batch9", "evaluation")
        },
    } | {case.gradient: policy_document(case) for case in cases}


def main() -> None:
    """Writes the fixtures."""
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(1)
    policies = {
        "interval": ["block", "pass", "own"],
        "bottom": ["block", "pass"],
        "none": ["block", "pass"],
    }
    for sharing, gradients in policies.items():
        cases = [Case(sharing, gradient) for gradient in gradients]
        values.write(Path(__file__).with_name(f"wrn_{sharing}.jsonl"), document(cases))


if __name__ == "__main__":
    main()
