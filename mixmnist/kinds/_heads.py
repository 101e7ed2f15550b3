"""Linear heads fitted on frozen units: what the units of a net that was trained on something else say of the task.

Source:
    G. Alain and Y. Bengio (2016), "Understanding intermediate layers using linear classifier probes", arXiv:1610.01644.
"""

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits
from torch import Tensor, nn

Numbers = NDArray[np.float64]
MOST_STEPS = 1_000  # of the solver
NEVER = -20.0  # log odds of a class that no canvas shows


def fit_linear(
    mean: Float[Tensor, "images units"], labels: Int[Tensor, "images *classes"], n_classes: int
) -> tuple[Float[Tensor, "classes units"], Float[Tensor, " classes"]]:
    """Fits weights and biases by logistic regression, the units standardised, with scikit-learn's default penalty.

    Args:
        mean: Mean of each unit's map.
        labels: The class of each image; or, where classes do not exclude each other, 0 or 1 for each.
        n_classes: Number of classes, seen or not.

    Returns:
        Weight and bias of the head, for units as they are. Of a class that all or none of the images show the weight is 0.

    Example:
        >>> mean = torch.tensor([[0.0, 1.0], [0.0, 2.0], [1.0, 0.0], [2.0, 0.0]])
        >>> weight, bias = fit_linear(mean, torch.tensor([0, 0, 2, 2]), n_classes=3)
        >>> (mean @ weight.T + bias).argmax(dim=1).tolist()
        [0, 0, 2, 2]
    """
    inputs, known = mean.detach().double().cpu().numpy(), labels.cpu().numpy()
    weight, bias = np.zeros((n_classes, inputs.shape[1])), np.full(n_classes, NEVER)
    with threadpool_limits(1):  # rounding depends on how many there are
        if known.ndim == 1:
            classes = np.unique(known)
            weight[classes], bias[classes] = _each(*_regress(inputs, known), len(classes))
        else:
            for number, shown in enumerate(known.T):
                if shown.any():
                    (weight[number],), (bias[number],) = _regress(inputs, shown)
    return torch.from_numpy(weight).to(mean), torch.from_numpy(bias).to(mean)


def _regress(inputs: Numbers, labels: NDArray[np.int64]) -> tuple[Numbers, Numbers]:
    """Gives weights and biases, a row a class that there is; of two classes, or of one, the row of the last one alone."""
    if len(np.unique(labels)) == 1:
        return np.zeros((1, inputs.shape[1])), np.full(1, -NEVER)
    scale = StandardScaler().fit(inputs)
    model = LogisticRegression(max_iter=MOST_STEPS).fit(scale.transform(inputs), labels)
    weight = model.coef_ / scale.scale_
    return weight, model.intercept_ - weight @ scale.mean_


def _each(weight: Numbers, bias: Numbers, n_classes: int) -> tuple[Numbers, Numbers]:
    """Gives a row a class, where two classes have one row for the log odds of the second."""
    if n_classes != 2:
        return weight, bias
    return np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2


def with_head(
    net: nn.Module, copy: nn.Module, name: str, head: tuple[Float[Tensor, "classes units"], Float[Tensor, " classes"]]
) -> nn.Module:
    """Gives a net with another head, in eval mode.

    Args:
        net: The trained one, whose head may have any number of outputs.
        copy: A net of the same architecture with an output a class; it is filled.
        name: Of the head, a linear layer.
        head: Weight and bias.
    """
    weight, bias = head
    state = {key: value for key, value in net.state_dict().items() if not key.startswith(f"{name}.")}
    copy.load_state_dict(state | {f"{name}.weight": weight, f"{name}.bias": bias})
    return copy.to(weight.device).eval()
