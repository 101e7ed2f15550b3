"""Pictures of nothing: what each kind keeps of a canvas."""

import pytest
import torch

from mixmnist.visualize._garbage import KINDS, UNSEEN, garbage


@pytest.mark.parametrize("kind", [*KINDS, UNSEEN])
def test_one_picture_a_canvas_by_seed(kind, canvases):
    """Pictures have the canvases' size and are neither black nor white; the seed decides, and canvases stay as they were."""
    before = canvases.images.clone()
    wide = canvases.images[:, :, :29]
    made = garbage(kind, wide, seed=1)
    assert made.shape == wide.shape
    assert made.dtype == torch.uint8
    assert torch.equal(made, garbage(kind, wide, seed=1))
    assert not torch.equal(made, garbage(kind, wide, seed=2))
    assert torch.equal(canvases.images, before)
    assert (made.flatten(1).float().std(dim=1) > 1).float().mean() > 0.9


def test_scrambling_keeps_the_spectrum():
    """Where nothing is clipped, each frequency is as strong as on the canvas."""
    canvases = 100 + 10 * torch.rand(3, 16, 16, generator=torch.Generator().manual_seed(0))
    made = garbage("scrambled", canvases.to(torch.uint8), seed=0)
    one, other = (torch.fft.rfft2(x.double()).abs() for x in (made, canvases.to(torch.uint8)))
    keep = torch.ones(16, 9, dtype=torch.bool)
    keep[[0, 0, 8, 8], [0, 8, 0, 8]] = False  # which have no phase but a sign
    torch.testing.assert_close(one[:, keep], other[:, keep], rtol=0, atol=20)


def test_tiles_keep_their_pixels():
    """A canvas cut into tiles has the pixels that it had, in other places, and each tile whole."""
    canvas = torch.arange(64, dtype=torch.uint8).view(1, 8, 8)
    made = [garbage("tiles", canvas, seed) for seed in range(4)]
    for one in made:
        assert one.flatten().sort().values.tolist() == list(range(64))
        assert one[0, :4, :4].flatten().tolist() in [
            canvas[0, r : r + 4, c : c + 4].flatten().tolist() for r in (0, 4) for c in (0, 4)
        ]
    assert any(not torch.equal(one, canvas) for one in made)
