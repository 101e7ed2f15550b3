"""A small vision transformer on pairs of digits, 64 x 64: trained for two minutes, scored at two layers of tokens.

    python examples/vit.py

A unit of a layer of tokens is one of their features: its response is its largest value over the tokens, its map the patches'.
This shows the plumbing; two minutes say nothing of transformers.
"""

import torch
from torch import Tensor, nn
from torchvision.models.vision_transformer import VisionTransformer
from training import train_for

import mixmnist
from mixmnist.core.records import Canvas

SIZE, GLYPH = 64, 24
LAYERS = ("vit.encoder.layers.encoder_layer_1", "vit.encoder.layers.encoder_layer_3")
SETTING = mixmnist.Setting(size=SIZE, n=2_000, few=50)


class SmallViT(nn.Module):
    """Four layers of 64 features on 64 patches of 8 x 8 pixels; grey images are repeated to the three channels it wants."""

    def __init__(self) -> None:
        super().__init__()
        self.vit = VisionTransformer(
            image_size=SIZE, patch_size=8, num_layers=4, num_heads=4, hidden_dim=64, mlp_dim=128, num_classes=45
        )

    def forward(self, x: Tensor) -> Tensor:
        """Maps [n, 1, 64, 64] to [n, 45]."""
        return self.vit(x.expand(-1, 3, -1, -1))


def main(seconds=120.0, images=20_000, source="auto", out="results/local", layers=LAYERS, setting=SETTING):
    """Trains, scores, writes; gives the evaluation."""
    torch.manual_seed(0)
    train = mixmnist.draw("pairs", source, "train", images, canvas=Canvas(SIZE, GLYPH), seed=1)
    net = train_for(SmallViT(), train, seconds, channels=1)
    found = mixmnist.evaluate(net, layers, "pairs", source, out=out, name="small-vit", setting=setting)
    print(found.layers[["layer", "n_units", "accuracy", "detectors", "unique_concepts", "coverage", "mean_drop"]].to_string())
    print(found.folder)
    return found


if __name__ == "__main__":
    main()
