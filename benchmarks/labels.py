"""Labels: what is a label of a unit worth, given by machines and by people with known faults?

The nets are those of the study sanity, and untrained ones; nothing is trained for this study where they are recorded. Each
labeller of the shelf names what the units of the layer that feeds the head detect, and its labels are judged. Claims L1 to L6,
all our own:

L1 naming is saturated: from twelve top images a machine names the detectors rightly (that every one is named rightly in ten
   nets supports no more than .6 of them in the next net, which is the bar);
L2 predicted firing tells labellers apart that naming does not: ridge regression has a higher F1 than SoftWPMI;
L3 a person who misses 30 % of the digits still names more than .95 of the detectors rightly;
L4 "nothing in common" is calibrated: said of more than .9 of shuffled units and of untrained units without a true name;
L5 SoftWPMI predicts firing no better than reading the top images;
L6 rendering the label (CoSy) tells ridge regression and SoftWPMI apart by less than .02.
Cost: about two minutes of a core for the reader, and half a minute for a net.
"""

from mixmnist import Study, Variant
from mixmnist.core.records import Claim

TRAINED = ("baseline", "wide", "wide-dropout")

STUDY = Study(
    title="Labels of units, judged",
    about=(
        "Units are given names by people and by machines, and the names are judged by eye. Here it is known what a unit detects "
        "and when it fires: what is a name worth, what does a person's fault cost, and is nothing said where nothing is?"
    ),
    variants={
        "baseline": Variant(),
        "wide": Variant(net_settings={"conv3": 30}),
        "dropout": Variant(net_settings={"dropout": 0.25}),
        "wide-dropout": Variant(net_settings={"conv3": 30, "dropout": 0.5}),
        "untrained": Variant(origin="untrained"),
    },
    seeds=10,
    claims=(
        *(
            Claim(
                "L1",
                f"Naming detectors from twelve top images is saturated ({variant})",
                "first_detectors_top_images_12",
                variant,
                "above",
                0.6,
                words=f"From twelve top images {{mean %}} of the detectors get the right name ({variant})",
            )
            for variant in TRAINED
        ),
        *(
            Claim(
                "L2",
                f"Ridge regression predicts firing better than SoftWPMI ({variant})",
                "f1_ridge",
                variant,
                "above",
                0.02,
                minus="f1_softwpmi",
                words=f"In predicting firing the F1 of ridge regression is {{mean}} {{above/below}} that of SoftWPMI ({variant})",
            )
            for variant in ("baseline", "wide")
        ),
        Claim(
            "L3",
            "A person who misses 30 % of the digits and may say nothing still names detectors rightly",
            "first_misses_30",
            "baseline",
            "above",
            0.95,
            seeds=5,
            words="A person who misses 30 % of the digits and may say nothing names {mean %} of the detectors rightly",
        ),
        Claim(
            "L4",
            "Of shuffled units nothing is said",
            "nothing_top_images_shuffled",
            "baseline",
            "above",
            0.9,
            words="Of units whose responses are shuffled nothing is said in {mean %}",
        ),
        Claim(
            "L4",
            "Of untrained units without a true name nothing is said",
            "nothing_right_top_images",
            "untrained",
            "above",
            0.9,
            words="Of untrained units without a true name nothing is said in {mean %}",
        ),
        *(
            Claim(
                "L5",
                f"SoftWPMI predicts firing no better than reading the top images ({variant})",
                "f1_softwpmi",
                variant,
                "below",
                0.0,
                minus="f1_top_images",
                words=f"In predicting firing the F1 of SoftWPMI is {{mean}} {{above/below}} that of top images read ({variant})",
            )
            for variant in ("baseline", "wide")
        ),
        Claim(
            "L6",
            "Rendering the label tells ridge regression and SoftWPMI apart by less than .02",
            "rendered_auc_ridge",
            "baseline",
            "within",
            0.0,
            margin=0.02,
            minus="rendered_auc_softwpmi",
            words="When the label is rendered the AUC of ridge regression is {mean} {above/below} that of SoftWPMI",
        ),
    ),
    analyses=("labels",),
)
