"""Judging labels: does a label say when the unit fires, is it the true name, and does the unit answer to what it names alone?

A label is a set of digits. It predicts that the unit fires where one of them is shown; its names are held against the true ones;
and canvases that show a named digit alone are set beside canvases that show another one alone.

Source:
    L. Kopf et al. (2024), "CoSy", arXiv:2405.20331: a label is rendered, and the responses compared by AUC and mean difference.
    Differs: canvases are drawn, not made by a text-to-image model, so that a rendered label is what it says. That labels must
    hold over all images, not the highest alone: T. Bolukbasi et al. (2021), arXiv:2104.07143; S. Bills et al. (2023).
"""

from dataclasses import dataclass

import pandas as pd
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mixmnist.labellers.firing import auc, best_sets, chance_f1, f1, fires, firing_threshold, predicted
from mixmnist.labellers.labelling import words
from mixmnist.labellers.true_names import NOTHING, Names, names_of
from mixmnist.metrics.average_precision import average_precision

MEASURES = "first first_true precision recall empty f1 f1_chance f1_best ap ap_chance rendered_auc rendered_difference".split()


@dataclass(frozen=True, eq=False)
class Scene:
    """What the labels of a layer are held against."""

    response: Float[Tensor, "images units"]
    present: Bool[Tensor, "images concepts"]
    fired: Bool[Tensor, "images units"]
    true: Names
    best: Bool[Tensor, "units concepts"]  # the label that predicts firing best, found on other images
    alone: Float[Tensor, "canvases units"]  # responses to canvases of one digit
    alone_shows: Bool[Tensor, "canvases concepts"]
    concepts: tuple[str, ...]

    @property
    def n_units(self) -> int:
        """Number of units."""
        return self.response.shape[1]


def scene_of(
    response: Float[Tensor, "images units"],
    present: Bool[Tensor, "images concepts"],
    rank_response: Float[Tensor, "others units"],
    rank_present: Bool[Tensor, "others concepts"],
    alone: Float[Tensor, "canvases units"],
    alone_shows: Bool[Tensor, "canvases concepts"],
    concepts: tuple[str, ...],
) -> Scene:
    """Sets up what labels are held against.

    Args:
        response: On the images that labels are judged on.
        present: What these show.
        rank_response: On the images that thresholds are fitted on, those that labellers see.
        rank_present: What these show.
        alone: On canvases of one digit.
        alone_shows: Which.
        concepts: Their names.
    """
    threshold = firing_threshold(rank_response)
    best = best_sets(fires(rank_response, threshold), rank_present)
    fired, true = fires(response, threshold), names_of(response, present)
    return Scene(response, present, fired, true, best, alone, alone_shows, concepts)


def judge_labels(weights: Float[Tensor, "units concepts"], scene: Scene, ordering: bool = True) -> pd.DataFrame:
    """Judges the labels of a layer's units.

    Args:
        weights: As a labeller gives them.
        scene: What they are held against.
        ordering: Whether ap is asked for, too, which takes longest; else it is nan.

    Returns:
        A row a labelled unit: `unit`, `kind` (what it really is: detector, mixed, nothing), `label` and `truth` in words, and

        first: whether the heaviest name is the digit with the highest alignment (of several alike the share; nan without one);
        first_true: whether it is one of the true names; precision: share of the names that are true (nan where nothing is said);
        recall: share of the true names that are named; empty: whether nothing is named; f1: of the prediction that the unit
        fires where a named digit is shown; f1_chance: of one that says so as often and knows nothing; f1_best: of the best set of
        digits, found on other images; ap: average precision of the sum of the shown names' weights; ap_chance: how often the unit
        fires; rendered_auc: chance that the unit answers more to a canvas of a named digit alone than to one of another alone;
        rendered_difference: by how many standard deviations of the latter. A label that cannot be rendered, the empty one or that
        of all digits, has .5 and 0. Of a unit that never fires f1, ap and what is rendered are nan.
    """
    rows = (~weights.isnan().any(dim=1)).nonzero()[:, 0]
    known = weights.nan_to_num(0)
    named = known > 0
    found = {**_named(known, scene.true), **_predicting(known, scene, ordering), **_rendering(named, scene)}
    table = pd.DataFrame({name: found[name][rows].tolist() for name in MEASURES})
    table.insert(0, "unit", rows.tolist())
    table.insert(1, "kind", [scene.true.kinds[unit] for unit in rows.tolist()])
    table.insert(2, "label", [words(known[unit], scene.concepts) for unit in rows.tolist()])
    table.insert(3, "truth", [_truth(scene, unit) for unit in rows.tolist()])
    return table


def _truth(scene: Scene, unit: int) -> str:
    return words(scene.true.alignment[unit].nan_to_num(0) * scene.true.names[unit], scene.concepts)


def _named(weights: Float[Tensor, "units concepts"], true: Names) -> dict[str, Tensor]:
    """Holds names against the true ones."""
    named, has = weights > 0, true.names.any(dim=1)
    heaviest = named & (weights == weights.amax(dim=1, keepdim=True))
    alike = heaviest.sum(dim=1).clamp(1)
    best = torch.nn.functional.one_hot(true.alignment.nan_to_num(0).argmax(dim=1), weights.shape[1]).bool()
    hits = (named & true.names).sum(dim=1)
    said, there = named.sum(dim=1), true.names.sum(dim=1)
    return {
        "first": torch.where(has, (heaviest & best).sum(dim=1) / alike, torch.nan),
        "first_true": torch.where(has, (heaviest & true.names).sum(dim=1) / alike, torch.nan),
        "precision": torch.where(has & (said > 0), hits / said.clamp(1), torch.nan),
        "recall": torch.where(has, hits / there.clamp(1), torch.nan),
        "empty": (said == 0).float(),
    }


def _predicting(weights: Float[Tensor, "units concepts"], scene: Scene, ordering: bool) -> dict[str, Tensor]:
    """Says how well labels predict when units fire."""
    said = predicted(weights > 0, scene.present)
    fired = scene.fired
    rate = fired.float().mean(dim=0)
    ap = _ordering(weights, scene) if ordering else torch.full_like(rate, torch.nan)
    return {
        "f1": f1(said, fired),
        "f1_chance": chance_f1(said, fired),
        "f1_best": f1(predicted(scene.best, scene.present), fired),
        "ap": ap.masked_fill(rate == 0, torch.nan),
        "ap_chance": rate.masked_fill(rate == 0, torch.nan),
    }


def _ordering(weights: Float[Tensor, "units concepts"], scene: Scene) -> Float[Tensor, " units"]:
    """Gives the average precision of the sum of the shown names' weights, where the truth is that the unit fires."""
    score, fired = scene.present.float() @ weights.T, scene.fired  # images units
    found = fired.float().mean(dim=0)  # of what says the same of every image, and so orders none
    for unit in ((score.amax(dim=0) > score.amin(dim=0)) & fired.any(dim=0)).nonzero()[:, 0].tolist():
        found[unit] = average_precision(score[:, [unit]], fired[:, [unit]])[0, 0]
    return found


def _rendering(named: Bool[Tensor, "units concepts"], scene: Scene) -> dict[str, Tensor]:
    """Compares responses to canvases of a named digit alone with those to canvases of another."""
    member = predicted(named, scene.alone_shows)
    inside, n = member.sum(dim=0), len(member)
    value = scene.alone.double()
    with_it = (value * member).sum(dim=0) / inside.clamp(1)
    without = (value * ~member).sum(dim=0) / (n - inside).clamp(1)
    spread = ((value - without).square() * ~member).sum(dim=0) / (n - inside).clamp(1)
    silent = scene.alone.amax(dim=0) == scene.alone.amin(dim=0)
    dead = silent | ~scene.fired.any(dim=0)
    apart = ((with_it - without) / spread.sqrt().clamp(1e-6)).masked_fill((inside == 0) | (inside == n), 0)
    return {
        "rendered_auc": auc(scene.alone, member).nan_to_num(0.5).masked_fill(dead, torch.nan),
        "rendered_difference": apart.masked_fill(dead, torch.nan),
    }


def of_kinds(units: pd.DataFrame) -> pd.DataFrame:
    """Gives the means over units of each kind, and over all: a row a kind, with how many units it has (`units`)."""
    parts = {**{str(kind): group for kind, group in units.groupby("kind", sort=True)}, "all": units}
    rows = [{"kind": kind, "units": len(group), **group[list(MEASURES)].mean().to_dict()} for kind, group in parts.items()]
    return pd.DataFrame(rows)


def said_nothing(units: pd.DataFrame) -> tuple[float, float]:
    """Gives how often nothing is said of units that detect nothing, and of all others."""
    idle = units["kind"].eq(NOTHING)
    return float(units["empty"][idle].mean()), float(units["empty"][~idle].mean())
