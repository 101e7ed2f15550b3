"""Maps: do attribution maps lie where a detector's digit is, and do they say what each digit is worth to it?

The nets are those of the study sanity; nothing is trained for this study where these are recorded. Each way of the shelf makes
maps of the detectors of every layer, which are held against masks and against exact Shapley values. Claims M1 to M5, all our own:

M1 gradients point at the digit's box and not at its ink;
M2 the way that localises best is not the one that is faithful: HiResCAM for a detector, Grad-CAM for a contrast of classes are
   more selective than integrated gradients and further off the worths, even with their unit put right;
M3 the true geometry of a layer makes its maps point at the box about ten points more often than a stretched one;
M4 after the layer's weights are shuffled every way falls to a selectivity of .5 on peaks, whose place moves with the weights;
M5 on the cell where the peak was they stay on the digit: what a cell sees does not change with the weights, so that a sanity
   check by where maps lie says nothing of a cell whose place is given.
Cost: about two minutes of a core for a net.
"""

from mixmnist import Study, Variant
from mixmnist.core.records import Claim

STUDY = Study(
    title="Attribution maps against exact truth",
    about=(
        "Maps that show what a unit looks at are judged by eye elsewhere. Here the digit, its ink, its box and its exact worth "
        "to the unit are known: does a map lie there, and does it say what is true?"
    ),
    variants={
        "baseline": Variant(),
        "wide": Variant(net_settings={"conv3": 30}),
        "dropout": Variant(net_settings={"dropout": 0.25}),
    },
    seeds=10,
    claims=(
        Claim(
            "M1",
            "The gradient points at the box",
            "points_at_box_gradient",
            "baseline",
            "above",
            0.9,
            words="The gradient's strongest pixel lies in the box of the detector's digit on {mean %} of the canvases",
        ),
        Claim(
            "M1",
            "The gradient does not point at the ink",
            "points_at_ink_gradient",
            "baseline",
            "below",
            0.2,
            words="The gradient's strongest pixel lies on the ink of the detector's digit on {mean %} of the canvases",
        ),
        *(
            Claim("M2", says, f"{prefix}{measure}_{way}", "baseline", "above", minus=f"{prefix}{measure}_integrated", words=words)
            for way, prefix in (("hirescam", ""), ("gradcam", "contrast_"))
            for measure, says, words in (
                (
                    "selective",
                    f"{way} is more selective than integrated gradients ({prefix.strip('_') or 'peak'})",
                    f"Of the ink in its map {way} has {{mean points}} {{more/less}} on the own digit than integrated gradients",
                ),
                (
                    "worth_error_scaled",
                    f"{way} is further off the worths than integrated gradients ({prefix.strip('_') or 'peak'})",
                    f"The worth error of {way} is {{mean}} {{more/less}} than that of integrated gradients",
                ),
            )
        ),
        Claim(
            "M3",
            "The true geometry adds ten points of pointing",
            "points_at_box_unit_map",
            "baseline",
            "within",
            0.1,
            margin=0.05,
            minus="points_at_box_unit_map_stretched",
            words="With the true geometry a unit's map points at the box on {mean points} {more/less} of the canvases",
        ),
        Claim(
            "M4",
            "After shuffling every way falls to .5 on peaks",
            "furthest_shuffled",
            "baseline",
            "below",
            0.15,
            words="With shuffled weights no way's selectivity is further from .5 than {mean}",
        ),
        *(
            Claim(
                "M5",
                f"After shuffling {way} stays on the digit where the cell is given",
                f"cell_selective_shuffled_{way}",
                "baseline",
                "above",
                0.8,
                words=f"With shuffled weights, of one cell, {way} has {{mean %}} of the ink in its map on the own digit",
            )
            for way in ("gradient_input", "integrated", "occlusion")
        ),
    ),
    analyses=("maps",),
)
