"""Edits: what they change, what they leave, and that nothing stays behind."""

import pytest
import torch
from torch import nn

from mixmnist.dissect.editing import Edit, edited, silencing
from mixmnist.dissect.subject import images_of


def test_units_of_zero_change_nothing(painter):
    """An edit with alpha = 0 is the identity, to the bit, whatever its value."""
    codes = painter.codes(4, seed=0)
    edit = Edit(torch.zeros(12), torch.full((1, 12, 1, 1), 7.3))
    assert (images_of(painter, codes, edit) == images_of(painter, codes)).all()


def test_silencing_the_whole_layer_removes_everything(painter):
    """Without any unit the painter's canvases are blank."""
    assert images_of(painter, painter.codes(3, seed=0), silencing(torch.ones(12, dtype=torch.bool))).max() == 0


def test_one_unit_is_replaced_and_no_other():
    """The formula holds for each unit, cell and sample."""
    net = nn.Sequential(nn.Identity(), nn.Flatten(2))
    maps = torch.rand(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    cells = torch.zeros(2, 4, 5, dtype=torch.bool)
    cells[1, 2] = True
    edit = Edit(torch.tensor([0.0, 1.0, 0.25]), torch.full((1, 3, 1, 1), 2.0), cells)
    with edited(net, "0", edit):
        found = net(maps).view_as(maps)
    wanted = maps.clone()
    wanted[1, 1, 2] = 2.0
    wanted[1, 2, 2] = 0.75 * maps[1, 2, 2] + 0.5
    assert torch.allclose(found, wanted)
    assert (found[0] == maps[0]).all()


def test_the_hook_is_gone_after_the_context_and_after_an_exception(painter):
    """Whatever happens inside, the network is as before."""
    module = painter.net.maps
    with edited(painter.net, "maps", silencing(torch.ones(12, dtype=torch.bool))):
        assert len(module._forward_hooks) == 1
    assert not module._forward_hooks
    with pytest.raises(RuntimeError, match="inside"), edited(painter.net, "maps", silencing(torch.ones(12, dtype=torch.bool))):
        raise RuntimeError("inside")
    assert not module._forward_hooks
    with pytest.raises(ValueError, match="units must"):
        images_of(painter, painter.codes(2, seed=0), Edit(torch.full((12,), 2.0), torch.zeros(1, 12, 1, 1)))
    assert not module._forward_hooks


def test_gradients_flow_to_units_and_values(painter):
    """An edit can be optimised."""
    units, value = torch.full((12,), 0.5, requires_grad=True), torch.full((1, 12, 1, 1), 0.01, requires_grad=True)
    with edited(painter.net, "maps", Edit(units, value)):
        painter.net(painter.codes(3, seed=0)).sum().backward()
    assert units.grad.abs().sum() > 0
    assert value.grad.abs().sum() > 0


def test_an_edit_of_each_sample_is_split_into_batches_with_them(painter):
    """Values and cells of sample 300 are written into sample 300, though passes are of 250."""
    codes = painter.codes(301, seed=0)
    cells = torch.zeros(301, 32, 32, dtype=torch.bool)
    cells[300] = True
    blank = images_of(painter, codes, Edit(torch.ones(12), torch.zeros(301, 12, 1, 1), cells))
    assert blank[300].max() == 0
    assert (blank[:300] == images_of(painter, codes[:300])).all()


def test_another_number_of_units_is_refused(painter):
    """It says how many the layer has."""
    with pytest.raises(ValueError, match=r"an edit must be of the layer's 12 units, got units=5\. Give one number a unit\."):
        images_of(painter, painter.codes(2, seed=0), silencing(torch.ones(5, dtype=torch.bool)))


def test_an_unknown_layer_is_refused(painter):
    """The nearest ones are named."""
    with (
        pytest.raises(ValueError, match="Did you mean maps"),
        edited(painter.net, "map", silencing(torch.ones(12, dtype=torch.bool))),
    ):
        pass
