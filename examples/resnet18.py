"""torchvision's resnet18 on pairs of digits, 64 x 64 in three channels: trained for two minutes, scored at two layers.

    python examples/resnet18.py

Then open the page that it names. This shows the plumbing; two minutes say nothing of resnets. The last layer feeds a linear head
through its mean, so its units are silenced by the head's algebra; those of the other are silenced by running the rest again.
"""

import torch
import torchvision
from training import train_for

import mixmnist
from mixmnist.core.records import Canvas

SIZE, GLYPH = 64, 24
LAYERS = ("layer3", "layer4")
SETTING = mixmnist.Setting(size=SIZE, channels=3, n=2_000, few=50)


def main(seconds=120.0, images=20_000, source="auto", out="results/local", layers=LAYERS, setting=SETTING):
    """Trains, scores, writes; gives the evaluation."""
    torch.manual_seed(0)
    train = mixmnist.draw("pairs", source, "train", images, canvas=Canvas(SIZE, GLYPH), seed=1)
    net = train_for(torchvision.models.resnet18(num_classes=45), train, seconds, channels=3)
    found = mixmnist.evaluate(net, layers, "pairs", source, out=out, name="resnet18", setting=setting)
    print(found.layers[["layer", "n_units", "accuracy", "detectors", "unique_concepts", "coverage", "mean_drop"]].to_string())
    print(found.folder)
    return found


if __name__ == "__main__":
    main()
