"""File: labels that somebody wrote, a person on the page or a language model elsewhere, read from annotations.json.

Formula: words that mean digits are names, "4 or 9" means two; the first has weight 1, further ones little less. The category
    "nothing in common", no words, or words that mean no digit give the empty label. A unit that is not in the file has no label.
Settings: path: of the file, as the page exports it; units are known by the layer's name and fingerprint.
Sees: the file.

Source:
    The page's part "Label it yourself", after B. Zhou et al. (2015), arXiv:1412.6856.
"""

from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from mixmnist.core.records import Labeller, require
from mixmnist.labellers.annotations import all_understood, read_annotations
from mixmnist.labellers.sight import Sight

NOTHING = "nothing in common"  # a category of the page
LESS = 0.01  # weight that each further name has less


def run(sight: Sight, path: str) -> Float[Tensor, "units concepts"]:
    """Reads the labels of this layer's units.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no such file, or has a unit that the layer has not.
    """
    require(path, "the labeller file needs a path, got none. Write file:path=annotations.json, or --file annotations.json.")
    found = torch.full((sight.n_units, len(sight.concepts)), torch.nan)
    for one in read_annotations(Path(path)):
        if (one.layer, one.fingerprint) != (sight.layer, sight.fingerprint):
            continue
        require(
            0 <= one.unit < sight.n_units,
            f"annotations must be of units 0 to {sight.n_units - 1} of {sight.layer}, got unit {one.unit} in {path}. Mend it.",
        )
        found[one.unit] = 0
        names = () if one.category == NOTHING else all_understood(one.concept, sight.concepts)
        for place, name in enumerate(names):
            found[one.unit, name] = 1 - LESS * place
    return found


LABELLER = Labeller("labels from a file", run, "file", {"path": ""})
