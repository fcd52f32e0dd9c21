"""`check_module`: right modules pass, wrong ones are told by the parameter's path, and the module is left alone."""

import copy

import numpy as np
import pytest

import nn
from autograd_mini import Tensor, primitive, rule
from autograd_mini.testing import DerivativeError, InconclusiveError, arrays, check_module


def operation(value, *vjps):
    made = primitive(value)
    rule(made, *vjps)
    return made


def forgetful():
    """A product whose rule takes one factor for 1, as a gain is at first."""
    return operation(np.multiply, lambda g, _out, _a, _b: 1.0 * g, lambda g, _out, a, _b: np.sum(g * a, axis=0))


class Gain(nn.Module):
    """x * gain, in train mode at least."""

    def __init__(self, product=np.multiply, product_in_eval=np.multiply):
        super().__init__()
        self.gain = nn.Parameter(np.ones(2, np.float32))
        self.product, self.product_in_eval = product, product_in_eval

    def forward(self, x):
        return (self.product if self.training else self.product_in_eval)(x, self.gain)


class Noisy(nn.Module):
    """Dropout and a running mean: a state that each call changes."""

    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(np.ones(2))
        self.rng = np.random.default_rng(0)
        self.mean = np.zeros(2)

    def forward(self, x):
        if not self.training:
            return x * self.gain - self.mean
        self.mean += 0.1
        return x * self.gain * self.rng.integers(0, 2, np.shape(x)) - self.mean


class Plain:
    """No Module: a list of tensors is all that it tells."""

    def __init__(self, power=2):
        self.weights = Tensor(np.array([[0.5, -1.0]]), requires_grad=True)
        square = operation(lambda x: x**2, lambda g, _out, x: g * power * x)
        self.square = lambda x: square(x)

    def parameters(self):
        return [self.weights]

    def __call__(self, x):
        return self.square(x @ self.weights)


class Hidden(nn.Module):
    """Uses a parameter that `named_parameters()` does not find."""

    def __init__(self):
        super().__init__()
        self.listed = nn.Parameter(np.ones(2))
        self.hidden = {nn.Parameter(np.ones(2)): "keys are not gone through"}

    def forward(self, x):
        return x * self.listed * next(iter(self.hidden))


class Embedding(nn.Module):
    """Rows of a table at integers."""

    def __init__(self):
        super().__init__()
        self.table = nn.Parameter(np.ones((4, 2)))

    def forward(self, x, rows):
        return x * self.table[rows]


def state(module):
    """All that a check could have changed."""
    parameters = [(p.data.tobytes(), p.dtype, p.grad.tobytes(), p.requires_grad) for p in module.parameters()]
    return parameters, [part.training for _, part in module.named_modules()], module.training


@pytest.mark.parametrize(
    "module",
    [
        nn.Linear(3, 2, rng=0),
        nn.Linear(3, 2, bias=False, rng=0),
        nn.MLP([3, 4, 4, 2], activation="relu", rng=0),
        nn.Sequential(nn.Linear(3, 4, rng=0), nn.PReLU(), nn.Linear(4, 1, rng=1), nn.Tanh()),
        nn.LeakyReLU(),
    ],
    ids=lambda module: type(module).__name__,
)
def test_layers_are_right_to_second_order(module):
    report = check_module(module, (4, 3), order=2)
    assert report.verdict == "right"
    assert report.order == 2


def test_every_parameter_and_input_is_compared_in_both_modes():
    of_linear = (3 * 2 + 2 + 4 * 3) * (4 * 2)
    assert check_module(nn.Linear(3, 2), (4, 3)).entries == 2 * of_linear
    assert check_module(nn.Linear(3, 2), (4, 3), modes=["eval"]).entries == of_linear


def test_wrong_parameter_is_named_by_path_and_index():
    wrong = operation(
        np.add,
        lambda g, _out, _a, _b: 1.0 * g,
        lambda g, _out, _a, _b: np.sum(g, axis=0) * (1 + (np.arange(2) == 1)),
    )

    class Shift(nn.Module):
        def __init__(self):
            super().__init__()
            self.bias = nn.Parameter(np.zeros(2))

        def forward(self, x):
            return wrong(x, self.bias)

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = [nn.Linear(3, 2, rng=0), Shift()]

        def forward(self, x):
            for layer in self.layers:
                x = layer(x)
            return x

    with pytest.raises(DerivativeError) as error:
        check_module(Model(), (4, 3))
    message = str(error.value)
    assert message.startswith("Model in train mode: wrong derivative by layers.1.bias[1]: expected ")
    assert "by        layers.1.bias[1] = " in message
    assert "    module = ...  # your Model\n    check_module(module, (4, 3), modes=['train'])" in message


def test_factor_that_is_one_at_first_is_missed_by_nobody():
    with pytest.raises(DerivativeError, match=r"by        x\["):
        check_module(Gain(forgetful()), (3, 2))


def test_mistake_in_one_mode_is_told_with_the_mode():
    with pytest.raises(DerivativeError, match=r"^Gain in eval mode: wrong derivative by"):
        check_module(Gain(product_in_eval=forgetful()), (3, 2))
    check_module(Gain(product_in_eval=forgetful()), (3, 2), modes=["train"])


def test_mistake_at_second_order_is_found_there():
    def rule_of_tensors(g, _out, x):
        return g * 2 * (x.detach() if isinstance(x, Tensor) else x)

    class Square(Gain):
        def forward(self, x):
            return operation(lambda x: x**2, rule_of_tensors)(x * self.gain)

    check_module(Square(), (2,))
    with pytest.raises(DerivativeError, match=r"^Square in train mode: wrong derivative of order 2 by"):
        check_module(Square(), (2,), order=2)


@pytest.mark.parametrize("wrong", [False, True])
def test_module_is_left_as_it_was(wrong):
    product = forgetful() if wrong else np.multiply
    module = nn.Sequential(nn.Linear(2, 2, rng=0), Gain(product))
    module.eval()
    nn.squared_error(module(np.ones((3, 2), np.float32)), np.zeros((3, 2), np.float32)).backward()
    module.layers[1].train()
    before = state(module)
    try:
        check_module(module, (3, 2), dtype=np.float64)
    except DerivativeError:
        assert wrong
    else:
        assert not wrong
    assert state(module) == before


def test_random_numbers_and_running_means_start_anew_in_each_call():
    module = Noisy()
    before = copy.deepcopy(module.rng.bit_generator.state)
    assert check_module(module, (3, 2), order=2).verdict == "right"
    assert module.rng.bit_generator.state == before
    assert not module.mean.any()


def test_random_numbers_from_outside_are_told():
    rng = np.random.default_rng(0)

    class Outside(Gain):
        def forward(self, x):
            return x * self.gain * draw(x)

    def draw(x):
        return rng.normal(size=np.shape(x))

    with pytest.raises(DerivativeError, match="two equal calls"):
        check_module(Outside(), (3, 2))


def test_module_is_known_by_its_methods_alone():
    assert check_module(Plain(), (3, 1), order=2).verdict == "right"
    with pytest.raises(DerivativeError, match=r"^Plain: wrong derivative(.|\n)*by        (x|parameters\[0\])\["):
        check_module(Plain(power=3), (3, 1))


def test_parameter_that_is_not_listed_is_told():
    with pytest.raises(DerivativeError, match="Hidden in train mode computes with a tensor") as error:
        check_module(Hidden(), (3, 2))
    assert error.value.kind == "parameters"


def test_arrays_are_passed_on_as_they_are():
    rows = np.array([0, 3, 3])
    report = check_module(Embedding(), ((3, 2), rows), modes=["train"])
    assert report.entries == (3 * 2 + 4 * 2) * (3 * 2)
    labels = np.array([0, 2, 1])
    check_module(nn.Linear(2, 3, rng=0), (3, 2), order=2, loss=lambda y: nn.cross_entropy(y, labels))
    assert check_module(nn.Tanh(), np.array([0.5, 1.0]), modes=["eval"]).entries == 4


@pytest.mark.parametrize(("given", "count"), [(3, 3), ((), 1), ((2, 2), 4), ((0, 2), 0), (((2,),), 2), ([2], 2)])
def test_shapes_of_inputs(given, count):
    assert check_module(nn.Tanh(), given, modes=["eval"]).entries == count**2


@pytest.mark.parametrize("given", ["ab", ((2, 2), "ab"), (-1, 2), ((2, 2), (1.5,))])
def test_what_is_no_input_is_refused(given):
    with pytest.raises(ValueError, match="Write a shape"):
        check_module(nn.Tanh(), given)


def test_dtype_is_that_of_parameters_and_inputs():
    seen = set()

    class Spy(Gain):
        def forward(self, x):
            seen.add((x.dtype, self.gain.dtype))
            return super().forward(x)

    check_module(Spy(), (2,))
    assert seen == {(np.dtype(float), np.dtype(float))}
    check_module(Spy(), (2,), dtype=np.float32)
    assert (np.dtype(np.float32), np.dtype(np.float32)) in seen


def test_inconclusive_is_raised_or_returned():
    class Log(Gain):
        def forward(self, x):
            return np.log(-1 - (x * self.gain) ** 2)

    with pytest.raises(InconclusiveError, match=r"could not be checked(.|\n)*\(train mode\)"):
        check_module(Log(), (2,))
    assert check_module(Log(), (2,), inconclusive="return").verdict == "inconclusive"


def test_unknown_mode_and_functions_are_refused():
    with pytest.raises(ValueError, match="'training'"):
        check_module(nn.Tanh(), 2, modes=["training"])
    with pytest.raises(TypeError, match="neither `named_parameters"):
        check_module(np.tanh, 2)


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ((nn.PReLU, (2,)), r"the class PReLU.*`check_module\(PReLU\(\.\.\.\), inputs\)`"),
        ((nn.PReLU(),), r"without inputs.*`check_module\(module, \(4, 3\)\)`"),
        ((nn.PReLU(), arrays()), r"hypothesis strategy.*`derivatives.check_module\(module, strategy\)`"),
    ],
    ids=["class", "no inputs", "strategy"],
)
def test_what_cannot_be_checked_is_refused_with_what_to_write(args, says):
    with pytest.raises(TypeError, match=says):
        check_module(*args)


def test_an_error_of_the_module_is_told_with_the_shapes_of_its_inputs():
    with pytest.raises(ValueError, match="could not be broadcast") as error:
        check_module(Gain(), (4, 5))
    assert "check_module called Gain in train mode with inputs of shape (4, 5) float64." in error.value.__notes__


def test_loss_is_shown_in_the_lines_to_paste():
    with pytest.raises(DerivativeError) as error:
        check_module(Plain(power=3), (3, 1), loss=lambda y: np.sum(y))
    assert "\n    loss = lambda y: np.sum(y)\n    check_module(module, (3, 1), loss=loss)" in str(error.value)


def test_output_that_does_not_depend_on_anything_is_mentioned():
    report = check_module(Plain(), (3, 1), loss=lambda y: 0.0 * y)
    assert any("does not depend on the arguments" in note for note in report.notes)
