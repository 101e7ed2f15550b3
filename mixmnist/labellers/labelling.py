"""Labelling: a labeller of the shelf, or of one's own, on a layer, with what it gives checked."""

from jaxtyping import Float
from torch import Tensor

from mixmnist.core import registry
from mixmnist.core.records import Labeller, Settings, require
from mixmnist.labellers.sight import Sight
from mixmnist.visualize.mapping import named


def label_units(labeller: str | Labeller, sight: Sight, settings: Settings | None = None) -> Float[Tensor, "units concepts"]:
    """Labels every unit of a layer.

    Args:
        labeller: A name of the shelf or a file that ends in `LABELLER`, with settings as `top_images:images=12`; or a labeller.
        sight: What it may look at.
        settings: Further overrides of its settings.

    Returns:
        Weights in [0, 1], above 0 of what is named; rows of zeros say "nothing in common", rows of nan that there is no label.

    Raises:
        ValueError: If there is no such labeller or setting, or it gives something else.

    Example:
        >>> import torch
        >>> response, present = torch.rand(50, 2), torch.rand(50, 3) > 0.5
        >>> sight = Sight(response, present.float(), present, present, ("0", "1", "2"))
        >>> label_units("constant:names=0", sight)
        tensor([[0., 0., 0.],
                [0., 0., 0.]])
    """
    name, given = named(labeller) if isinstance(labeller, str) else (labeller.title, {})
    chosen: Labeller = registry.choose("labellers", name) if isinstance(labeller, str) else labeller
    found = chosen.run(sight, **chosen.with_settings({**given, **(settings or {})}))
    wanted = [sight.n_units, len(sight.concepts)]
    shape = list(found.shape) if isinstance(found, Tensor) else type(found).__name__
    require(shape == wanted, f"a labeller must give weights {wanted}, got {shape} of {name}. Mend its run.")
    weights: Tensor = found.detach().float().cpu()
    rows = weights.isnan().any(dim=1)
    known = weights[~rows]
    fits = bool(weights[rows].isnan().all()) and bool(((known >= 0) & (known <= 1)).all())
    require(fits, f"weights must lie between 0 and 1, or be nan for a whole unit, got others of {name}. Mend its run.")
    return weights


def words(weights: Float[Tensor, " concepts"], concepts: tuple[str, ...]) -> str:
    """Writes a label as a person would.

    Example:
        >>> words(Tensor([0.2, 0.0, 0.8]), ("0", "1", "2")), words(Tensor([0, 0, 0]), ("0", "1", "2"))
        ('2 or 0', 'nothing in common')
    """
    order = weights.argsort(descending=True, stable=True).tolist()
    names = [concepts[place] for place in order if weights[place] > 0]
    return " or ".join(names) or "nothing in common"
