"""The constants of mod_test.ts: the focal loss and its gradients, computed by PyTorch in float64.

The loss is written from equations 4 and 5 of Lin et al. (2017), arXiv:1708.02002, in terms of p_t.

    python reference.py

prints each constant. It needs PyTorch.
"""

import torch

torch.set_default_dtype(torch.float64)

BINARY = torch.tensor([-3.0, -0.5, 0.0, 0.4, 2.0, 5.0])
BINARY_LABEL = torch.tensor([1.0, 0.0, 1.0, 0.0, 1.0, 0.0])
CLASSES = torch.tensor([[2.0, -1.0, 0.5], [0.0, 0.0, 0.0], [-2.0, 3.0, 1.0], [0.3, -0.6, 4.0]])
CLASSES_LABEL = torch.tensor([0, 2, 0, 2])


def focal(p_t: torch.Tensor, gamma: float, alpha_t: torch.Tensor | float) -> torch.Tensor:
    """Equation 5: the loss of each row."""
    return -alpha_t * (1 - p_t) ** gamma * torch.log(p_t)


def show(name: str, logits: torch.Tensor, loss) -> None:
    """Prints the losses of the rows, and the gradient of their mean."""
    logits = logits.clone().requires_grad_()
    losses = loss(logits)
    (gradient,) = torch.autograd.grad(losses.mean(), logits)
    for what, values in [("losses", losses.detach()), ("gradient", gradient.flatten())]:
        print(name, what, [float(f"{value:.7g}") for value in values])


def binary(gamma: float, alpha: float | None):
    """p_t is p for the label 1 and 1 − p for the label 0; α_t likewise."""

    def loss(logits):
        p = torch.sigmoid(logits)
        p_t = torch.where(BINARY_LABEL == 1, p, 1 - p)
        alpha_t = 1 if alpha is None else torch.where(BINARY_LABEL == 1, alpha, 1 - alpha)
        return focal(p_t, gamma, alpha_t)

    return loss


def classes(gamma: float, alpha: list[float] | None):
    """p_t is the softmax's probability of the class."""

    def loss(logits):
        p_t = torch.softmax(logits, -1)[torch.arange(len(CLASSES_LABEL)), CLASSES_LABEL]
        alpha_t = 1 if alpha is None else torch.tensor(alpha)[CLASSES_LABEL]
        return focal(p_t, gamma, alpha_t)

    return loss


show("binary, gamma 2, alpha 0.25", BINARY, binary(2, 0.25))
show("binary, gamma 0.5", BINARY, binary(0.5, None))
show("classes, gamma 2", CLASSES, classes(2, None))
show("classes, gamma 1, alpha [0.2, 0.3, 0.5]", CLASSES, classes(1, [0.2, 0.3, 0.5]))
