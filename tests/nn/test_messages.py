"""What a user reads who writes what other libraries take: what was written, and what to write."""

import re

import numpy as np
import pytest

import nn
from autograd_mini import Tensor

X, Y = np.random.default_rng(0).standard_normal((8, 4)).astype(np.float32), np.arange(8) % 3


def small():
    return nn.MLP([4, 5, 3], rng=0)


class Table:
    """What pandas' DataFrame says of itself, as far as it matters here."""

    ndim = 2
    iloc = None

    def __init__(self, values):
        self.values = np.asarray(values)
        self.shape = self.values.shape

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype)

    def __len__(self):
        return len(self.values)


class TestFit:
    @pytest.mark.parametrize("call", [nn.fit, nn.evaluate])
    def test_of_arrays_in_a_row_says_how_they_are_written(self, call):
        name = call.__name__
        for arrays in ((X, Y), (X.tolist(), Y.tolist()), (Tensor(X), Y), (nn.DataLoader(X, Y), None)):
            with pytest.raises(TypeError, match=re.escape(f"`nn.{name}(model, nn.cross_entropy, (x, y))`")) as caught:
                call(small(), *arrays)
            assert len(str(caught.value)) < 250

    def test_of_a_loss_by_its_name_says_which_function_it_is(self):
        with pytest.raises(TypeError, match=r"fit\(loss='mse'\).*`nn\.squared_error\(outputs, targets\)`"):
            nn.fit(small(), "mse", (X, Y))
        with pytest.raises(TypeError, match=r"such as nn\.squared_error\.$"):
            nn.fit(small(), "nothing", (X, Y))


class TestTables:
    def test_are_inputs_of_a_model_as_of_fit(self):
        model, table = small(), Table(X)
        nn.fit(model, nn.cross_entropy, (table, Y), epochs=1)
        np.testing.assert_array_equal(model(table).data, model(X).data)
        np.testing.assert_array_equal(nn.predict(model, table), nn.predict(model, X))

    def test_of_whole_numbers_come_in_the_precision_of_the_weights(self):
        assert small()(Table(np.ones((2, 4), int))).dtype == np.float32

    def test_with_columns_that_are_no_numbers_are_refused(self):
        with pytest.raises(TypeError, match=r"`table\.select_dtypes\('number'\)`"):
            small()(Table(np.array([[1.0, "a", 2.0, 3.0]], object)))

    @pytest.mark.extra
    def test_of_pandas(self):
        pandas = pytest.importorskip("pandas")
        model = small()
        np.testing.assert_array_equal(model(pandas.DataFrame(X)).data, model(X).data)
        with pytest.raises(TypeError, match="not all columns are numbers"):
            model(pandas.DataFrame({"a": [1.0], "b": ["x"], "c": [2.0], "d": [3.0]}))


class TestNoParameters:
    class Net(nn.Module):
        def __init__(self, w):
            super().__init__()
            self.w = w
            self.count = np.arange(3)
            self.name_of_mine = "net"

        def forward(self, x):
            return x * self.w

    @pytest.mark.parametrize("w", [np.ones(3), Tensor(np.ones(3))], ids=["array", "tensor"])
    def test_name_the_array_that_should_be_one(self, w):
        with pytest.raises(ValueError, match=r"It holds Net\.w, which is not learned: write `self\.w = nn\.Parameter"):
            nn.SGD(self.Net(w).parameters(), 0.1)

    def test_are_named_by_fit_too_and_in_parts(self):
        model = nn.Sequential(nn.ReLU(), self.Net(np.ones(4)))
        with pytest.raises(ValueError, match=r"Net\.w"):
            nn.fit(model, nn.squared_error, (X, X))

    def test_of_a_model_without_arrays_are_only_missed(self):
        with pytest.raises(ValueError, match=r"of a model that has some\.$"):
            nn.SGD(nn.ReLU().parameters(), 0.1)

    def test_can_be_listed_and_taken_one_by_one(self):
        model = small()
        each = model.parameters()
        first = next(each)
        assert [first, *each] == [p for _, p in model.named_parameters()]


class TestLayers:
    def test_a_class_says_that_parentheses_are_missing(self):
        with pytest.raises(TypeError, match=r"the class ReLU as layer 1.*`nn\.ReLU\(\)`"):
            nn.Sequential(nn.Linear(4, 3), nn.ReLU)

    def test_a_list_says_how_it_is_spread(self):
        with pytest.raises(TypeError, match=r"`nn\.Sequential\(\*layers\)`"):
            nn.Sequential([nn.Linear(4, 3), nn.ReLU()])

    def test_a_function_says_which_layer_it_is(self):
        with pytest.raises(TypeError, match=r"`nn\.Tanh\(\)` for np\.tanh"):
            nn.Sequential(nn.Linear(4, 3), np.tanh)


class TestFiles:
    @pytest.mark.parametrize("name", ["m.pt", "m.pth", "m.h5", "m.PKL"])
    def test_a_name_of_another_format_is_told_what_is_written(self, tmp_path, name):
        for save in (nn.save, nn.save_weights):
            with pytest.warns(
                UserWarning, match=rf"nn\.{save.__name__} writes safetensors.*'m\.safetensors'"
            ) as caught:
                save(tmp_path / name, small())
            assert caught[0].filename == __file__
        nn.load_weights(tmp_path / name, small())

    @pytest.mark.parametrize("name", ["m.safetensors", "m", "run.1"])
    def test_other_names_are_left_alone(self, tmp_path, name):
        nn.save(tmp_path / name, small())

    def test_arguments_in_pytorchs_order_are_told_the_order(self):
        for first in (small(), small().state_dict()):
            with pytest.raises(TypeError, match=r"The path comes first, then the model itself, not its state"):
                nn.save(first, "m.safetensors")


class TestResume:
    def train(self, path, **options):
        return nn.fit(small(), nn.cross_entropy, (X, Y), batch_size=4, checkpoint=path, **options)

    def test_says_where_it_goes_on(self, tmp_path, capsys):
        path = tmp_path / "run.safetensors"
        self.train(path, epochs=2)
        assert capsys.readouterr().err == ""
        self.train(path, epochs=5, resume=True)
        assert f"goes on from {path}: with epoch 3 of 5, after 4 steps." in capsys.readouterr().err

    def test_says_that_there_is_nothing_to_go_on_from(self, tmp_path, capsys):
        self.train(tmp_path / "run.safetensors", epochs=1, resume=True)
        assert re.search(r"found no .*run\.safetensors, and begins with epoch 1 of 1\.", capsys.readouterr().err)

    def test_says_that_nothing_is_left_to_do(self, tmp_path, capsys):
        path = tmp_path / "run.safetensors"
        self.train(path, epochs=2)
        self.train(path, epochs=2, resume=True)
        assert "found 2 complete epochs" in capsys.readouterr().err

    def test_is_silent_if_no_progress_is_to_be_shown(self, tmp_path, capsys):
        path = tmp_path / "run.safetensors"
        for epochs in (1, 2):
            self.train(path, epochs=epochs, resume=True, progress=False)
        assert capsys.readouterr().err == ""
