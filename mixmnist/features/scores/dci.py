"""DCI: disentanglement, completeness and informativeness, by what three kinds of regressors need to tell each concept.

Formula: R[a, c] = importance of atom a for telling concept c; P = R[a] / sum_c R[a, c], Q = R[:, c] / sum_a R[a, c];
    disentanglement = sum over atoms of (sum_c R[a, c] / sum R) (1 - H(P) / log C): is an atom needed for one concept alone?
    completeness = mean over concepts of 1 - H(Q) / log A: is a concept told by one atom alone?
    informativeness = mean over concepts of 1 - errors / errors of always giving the commoner answer, on the other images.
    C: concepts; A: atoms that are alive. R of `boosted`: 20 gradient boosted trees of depth 3, learning rate .2; of `forest`: 30
    trees, each split among a root of the atoms; both: the impurity that splits by an atom save. Of `lasso`: |weights| of a
    logistic regression on standardised responses with an L1 penalty of .01 on its mean loss.
Known bias: **the regressor decides.** Of ten perfect detectors, digits that come in pairs, boosted trees and lasso have 1, a
    forest .79, as it must often split among atoms without the right one; half noise, boosted trees have .64, a forest .24.
    Methods change their order by it, so print all three beside the value of perfect detectors. Disentanglement says nothing of
    how many concepts are told. A lasso that needs no atom for a concept gives it a completeness of 0.
Limits: at most 1,000 rank images, drawn at random, and few trees, so that 20 atoms on 10 concepts cost two to three seconds of a
    core; the cost grows with atoms (512: half a minute). Informativeness is on all other images. Seeds are fixed, and neither the
    order of images nor that of atoms matters.

Source:
    C. Eastwood and C. Williams (2018), "A Framework for the Quantitative Evaluation of Disentangled Representations", ICLR, with
    lasso and forests; boosted trees as in F. Locatello et al. (2019), arXiv:1811.12359.
    Differs: classifiers, as concepts are present or not; settings are fixed, not chosen by validation; the error is relative to
    that of a constant answer, as theirs is; dead atoms are left out.
"""

import math
from collections.abc import Callable
from functools import lru_cache, partial
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy.typing import NDArray
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits
from torch import Tensor

from mixmnist.core.records import Score
from mixmnist.core.seeding import derive
from mixmnist.features.scores._logistic import sparse_logistic

Numbers = NDArray[np.float32]
Truth = NDArray[np.bool_]
MOST_IMAGES = 1_000  # that regressors are fitted on
PRICE = 0.01  # of the lasso's weights


class Told(NamedTuple):
    """What a regressor made of the atoms."""

    importance: NDArray[np.float64]  # [atoms, concepts]
    answers: Truth  # [others, concepts]


class Fit(NamedTuple):
    """The three scores by one regressor."""

    disentanglement: float
    completeness: float
    informativeness: float


def _trees(
    make: Callable[[], GradientBoostingClassifier | RandomForestClassifier], rank: Numbers, known: Truth, others: Numbers
) -> Told:
    models = [make().fit(rank, shown) for shown in known.T]
    importance = np.stack([model.feature_importances_ for model in models], axis=1)
    return Told(importance, np.stack([model.predict(others) for model in models], axis=1))


def _lasso(rank: Numbers, known: Truth, others: Numbers) -> Told:
    scale = StandardScaler().fit(rank.astype(np.float64))
    rows, further = (torch.from_numpy(scale.transform(part.astype(np.float64))) for part in (rank, others))
    weight, bias = sparse_logistic(rows, torch.from_numpy(known.copy()), PRICE)
    return Told(weight.abs().numpy(), (further @ weight + bias > 0).numpy())


SEED = derive(0, "score", "dci") % 2**32
REGRESSORS: dict[str, Callable[[Numbers, Truth, Numbers], Told]] = {
    "boosted": partial(_trees, partial(GradientBoostingClassifier, n_estimators=20, learning_rate=0.2, random_state=SEED)),
    "forest": partial(_trees, partial(RandomForestClassifier, n_estimators=30, random_state=SEED)),
    "lasso": _lasso,
}


def disentanglement(importance: NDArray[np.float64]) -> float:
    """Gives one minus the entropy of each atom's importances [atoms, concepts], weighted by their sum; `nan` of one concept.

    Example:
        >>> disentanglement(np.array([[3.0, 0.0], [0.5, 0.5]])), disentanglement(np.eye(3))
        (0.75, 1.0)
    """
    if importance.shape[1] < 2 or importance.sum() == 0:
        return math.nan
    return float(np.average(_peaked(importance), weights=importance.sum(axis=1)))


def completeness(importance: NDArray[np.float64]) -> float:
    """Gives one minus the entropy of each concept's importances [atoms, concepts], the mean; `nan` of one atom.

    Example:
        >>> completeness(np.array([[1.0, 0.5, 0.0], [0.0, 0.5, 0.0]]))  # nothing is needed for the last one
        0.3333333333333333
    """
    if importance.shape[0] < 2 or importance.shape[1] == 0:
        return math.nan
    return float(_peaked(importance.T).mean())


def _peaked(importance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gives one minus each row's entropy, in units of the most that it can be; 0 for a row of zeros."""
    total = importance.sum(axis=1, keepdims=True)
    shares = importance / np.where(total > 0, total, 1)
    entropy = -(shares * np.log(np.where(shares > 0, shares, 1))).sum(axis=1) / math.log(importance.shape[1])
    return np.where(total[:, 0] > 0, (1 - entropy).clip(0, 1), 0)


def informativeness(answers: Truth, shown: Truth) -> float:
    """Gives one minus the errors [images, concepts] as a share of those of the commoner answer; mean over concepts.

    Example:
        >>> shown = np.array([[True], [False], [False], [True], [False]])
        >>> informativeness(shown, shown), informativeness(~shown, shown)
        (1.0, -1.5)
    """
    errors, rarer = (answers != shown).sum(axis=0), np.minimum(shown.sum(axis=0), (~shown).sum(axis=0))
    return float((1 - errors[rarer > 0] / rarer[rarer > 0]).mean()) if (rarer > 0).any() else math.nan


@lru_cache(maxsize=len(REGRESSORS))
def _fit(regressor: str, rank: bytes, known: bytes, response: bytes, shown: bytes, n_atoms: int) -> Fit:
    """Fits a regressor and scores it; three columns ask for the same, so what was found last is kept, by content."""
    rows, others = (np.frombuffer(part, np.float32).reshape(-1, n_atoms) for part in (rank, response))
    truth, further = (np.frombuffer(part, np.bool_).reshape(len(of), -1) for part, of in ((known, rows), (shown, others)))
    with threadpool_limits(1):  # rounding depends on how many there are
        told = REGRESSORS[regressor](rows, truth, others)
    return Fit(disentanglement(told.importance), completeness(told.importance), informativeness(told.answers, further))


def dci(
    response: Float[Tensor, "images atoms"],
    present: Bool[Tensor, "images concepts"],
    rank_response: Float[Tensor, "others atoms"],
    rank_present: Bool[Tensor, "others concepts"],
    regressor: str = "boosted",
) -> Fit:
    """Scores atoms by what a regressor needs to tell the concepts.

    Args:
        response: Any scale; trees count only the order.
        present: Ground truth.
        rank_response: The atoms on the images that regressors are fitted on.
        rank_present: What these show.
        regressor: One of boosted, forest, lasso.

    Returns:
        Disentanglement and completeness in [0, 1]; informativeness, at most 1, and 0 at chance. `nan` where no atom is alive,
        or no concept occurs and fails to; disentanglement of one concept and completeness of one atom are `nan`, too.

    Example:
        >>> present = torch.rand(300, 2, generator=torch.Generator().manual_seed(0)) < 0.5
        >>> dci(present.float(), present, present.float(), present, "lasso")
        Fit(disentanglement=1.0, completeness=1.0, informativeness=1.0)
    """
    rank, others = (found.detach().float().cpu().numpy() for found in (rank_response, response))
    known, shown = rank_present.cpu().numpy(), present.cpu().numpy()
    live = rank.max(axis=0) > rank.min(axis=0)
    atoms, images = _in_order(rank[:, live], known)
    rank, known = rank[:, live][:, atoms][images], known[images]
    decided = known.any(axis=0) & ~known.all(axis=0)
    if not live.any() or not decided.any():
        return Fit(math.nan, math.nan, math.nan)
    parts = (rank, known[:, decided], others[:, live][:, atoms], shown[:, decided])
    return _fit(regressor, *(part.tobytes() for part in parts), n_atoms=len(atoms))


def _in_order(rank: Numbers, known: Truth) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Gives the atoms in an order that depends on neither the one that they come in nor their scales; images drawn likewise."""
    if rank.shape[1] == 0:
        return np.arange(0), np.arange(0)
    places = np.stack([np.unique(column, return_inverse=True)[1] for column in rank.T], axis=1)  # ties share a place
    keys = [np.sort(places[shown], axis=0) for shown in known.T]  # where atoms are as often high: at which concepts
    atoms = np.lexsort(np.concatenate([*keys, np.sort(places, axis=0)]))
    images = np.lexsort(np.concatenate([known, places[:, atoms]], axis=1).T)
    return atoms, images[np.random.default_rng(SEED).permutation(len(images))[:MOST_IMAGES]]


def _column(what: str, regressor: str) -> Callable[..., float]:
    """Makes the function of a column."""

    def column(
        response: Float[Tensor, "images atoms"],
        present: Bool[Tensor, "images concepts"],
        rank_response: Float[Tensor, "others atoms"],
        rank_present: Bool[Tensor, "others concepts"],
    ) -> float:
        return float(getattr(dci(response, present, rank_response, rank_present, regressor), what))

    return column


WHAT = {"disentanglement": (0, 1), "completeness": (0, 1), "informativeness": (-math.inf, 1)}
SCORE = Score(
    "Disentanglement, completeness, informativeness",
    {f"dci_{what}_{regressor}": _column(what, regressor) for what in WHAT for regressor in REGRESSORS},
    ceiling="1; of disentanglement and completeness that of perfect detectors",
    chance="0 of informativeness; of the others that of as many random directions",
    bounds={f"dci_{what}_{regressor}": bounds for what, bounds in WHAT.items() for regressor in REGRESSORS},
)
