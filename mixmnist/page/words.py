"""Words: what each term of a page means, in one plain sentence; shown where it is pointed at, and listed at the end."""

from collections.abc import Mapping

from mixmnist.core.thresholds import THRESHOLD, USED

GLOSSARY: Mapping[str, str] = {
    "accuracy": "The share of test images that the network classifies rightly.",
    "alignment": "How well a unit tells the images with a concept from all others: its average precision, up to 1.",
    "bench": "The network's last step, on which units can be switched off and the accuracy be seen.",
    "canvas": "One image that the network sees: digits drawn side by side.",
    "chance": "What a unit that knows nothing would score: for alignment, the share of images that show the concept.",
    "class": "One of the answers that the network was trained to give, such as the pair 3 and 7.",
    "concept": "Something that may be drawn on an image, such as the digit 7; where it is drawn is known exactly.",
    "coverage": "The best alignment of any unit with each concept, averaged over the concepts.",
    "dead": "A dead unit has the same response on all images, mostly zero.",
    "detector": f"A unit whose alignment with a concept is {THRESHOLD:.2f} or more.".replace("0.", ".", 1),
    "drop": "The accuracy lost when a unit is silenced.",
    "fails": "The whole interval lies where the claim says it does not.",
    "field": "The part of the image that the unit's highest response comes from.",
    "group drop": "The accuracy lost when all detectors of a concept are silenced together.",
    "holds": "The whole interval lies where the claim says.",
    "interval": "The range in which the mean over many more trainings would lie, at the level shown; mostly 95 %.",
    "IoU": "Intersection over union: how much of the unit's active area and the concept's pixels are the same, from 0 to 1.",
    "largest drop of a class": "The accuracy that the class which suffers most loses when the unit is silenced.",
    "null": "The alignment that a unit reaches when the images' labels are shuffled: what luck alone gives.",
    "points": "Percentage points: from 90 % to 92 % are 2 points.",
    "precision@k": "Of the k images with a unit's highest responses, the share that shows the concept.",
    "recall": "Of the images that show the concept, the share found so far.",
    "reliance": "The share of the accuracy beyond chance that is lost on the way as units are silenced in random order.",
    "response": "The highest value of a unit's map on an image.",
    "runner-up": "The concept that the unit tells second best.",
    "seed": "The number that a training starts from; other seeds give other networks of the same kind.",
    "selectivity": "How far the mean response on one class lies above that on the others.",
    "silenced": "A silenced unit gives zero, or always its mean, whatever the image shows.",
    "undecided": "The interval lies partly where the claim says and partly elsewhere, or the difference may be luck.",
    "unique concept": "A concept that has one detector or more, however many.",
    "unit": "One channel of a layer: one filter with its map over the image.",
    "used": f"A concept is used if the accuracy drops by {USED:.2f} or more without all of its detectors.".replace("0.", ".", 1),
    "variant": "One kind of network of a study, trained from several seeds.",
}
