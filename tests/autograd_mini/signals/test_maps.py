"""The map shows each size in its place and its colour, ends at the loss, and tells what has no number."""

import numpy as np
import pytest

import nn
from autograd_mini import signal_map
from autograd_mini.drawing import palette

pytest.importorskip("matplotlib")
LEVELS = palette.LEVELS - 1


def meshes(figure):
    """The level of each cell by row, and the places of the edges."""
    found = [mesh for mesh in figure.axes[0].collections if hasattr(mesh, "get_coordinates")]
    return [(mesh.get_array().ravel(), mesh.get_coordinates()[0, :, 0]) for mesh in found]


def words(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def test_a_cell_has_the_level_of_its_size_from_the_strongest_down():
    ((cells, edges),) = meshes(signal_map([[1e-8, 1e-6, 1e-2, 1.0]], ["net"]))
    np.testing.assert_array_equal(cells, [0, LEVELS / 4, LEVELS * 3 / 4, LEVELS])
    np.testing.assert_array_equal(edges, [0.5, 1.5, 2.5, 3.5, 4.5])


def test_nets_of_different_depth_end_at_the_loss_and_share_their_colours():
    figure = signal_map([[1e-6] * 5, [1e-6, 1e-3]], ["deep", "shallow"])
    (deep, long), (shallow, short) = meshes(figure)
    assert long[-1] == short[-1] == 5.5
    assert shallow[0] == deep[0] < shallow[1]
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()][:1] == ["1"]
    assert "from the loss" in figure.axes[0].get_xlabel()


def test_each_row_says_what_becomes_of_its_signal_and_where_it_runs():
    rows = [[1e-15, 1e-3], [4e1, 1e-3], [5e-4, 1e-3], [0.0, 1e-3], [np.inf, 1e-3]]
    said = words(signal_map(rows, list("abcde")))
    for text in ("12 decades lost", "4.6 decades gained", "steady, ×0.50", "exactly zero in 1 of 2 layers"):
        assert text in said
    assert "not finite in 1 of 2 layers" in said
    assert "5 decades lost by layer 2 (2 decades lost by layer 1)" in words(signal_map([[1e-5, 1e-8, 1e-3]], ["rnn"]))
    unmeasured = signal_map([[np.nan, 1e-8, 1e-3]], ["log"])
    assert "5 decades lost, not measured in 1 of 3 layers" in words(unmeasured)
    assert {"input", "loss"} <= set(said)
    assert {"10⁻¹⁵", "10⁻³"} <= set(said)


def test_noise_is_not_shown_as_a_trend():
    ((cells, _),) = meshes(signal_map([[1.1e-3, 0.9e-3, 1e-3]], ["steady"]))
    assert np.ptp(cells) <= LEVELS / 40


def test_zero_not_finite_and_not_measured_look_different_and_are_named():
    figure = signal_map([[0.0, np.inf, np.nan, 1.0]], ["odd"])
    looks = {patch.get_label(): (patch.get_hatch(), patch.get_edgecolor()) for patch in figure.axes[0].patches}
    assert set(looks) == {"exactly zero", "not finite", "not measured"}
    assert len(set(looks.values())) == 3
    assert {text.get_text() for text in figure.legends[0].get_texts()} == set(looks)
    assert meshes(figure)[0][0].count() == 1


def test_the_map_of_a_net_shows_its_rms_of_g():
    model = nn.MLP([8] * 6 + [3], "tanh", nn.init.small_random(0.01), rng=0)
    seen = nn.signals(model, nn.cross_entropy, np.ones((4, 8)), np.zeros(4, int))
    figure = seen.plot("map", names=["tiny weights"])
    ((cells, _),) = meshes(figure)
    assert (np.diff(cells) > 0).all()
    assert "rms(g)" in figure.axes[1].get_xlabel()
    assert "tiny weights" in words(figure)


def test_steps_are_rows_from_top_to_bottom():
    figure = signal_map([[1e-3, 1e-2], [1e-4, 1e-2], [1e-5, 1e-2]], [0, 10, 20], layers=["0", "2"])
    axis = figure.axes[0]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["0", "10", "20"]
    assert [label.get_text() for label in axis.get_xticklabels()] == ["0", "2"]
    assert axis.get_ylim()[0] > axis.get_ylim()[1]


def test_it_draws_into_an_axis_of_ones_own():
    from matplotlib.figure import Figure

    axis = Figure(layout="constrained").add_subplot()
    assert signal_map([[1.0, 2.0]], ["net"], ax=axis) is axis.figure
    assert axis.collections


@pytest.mark.parametrize(
    ("sizes", "names", "message"), [([[1.0]], [], "1 rows and 0 names"), ([[]], ["a"], "no sizes")]
)
def test_what_is_no_map_is_refused(sizes, names, message):
    with pytest.raises(ValueError, match=message):
        signal_map(sizes, names)
