"""`checked`: the first NaN or infinity is named where it is made, and what the graph needs cannot be overwritten."""

import gc
import inspect
import threading
import traceback
import tracemalloc
import weakref

import numpy as np
import pytest

import nn
from autograd_mini import NonFiniteError, Tensor, checked, checkpoint, enable_grad, grad, no_grad, primitive, rule
from autograd_mini.checked.finite import all_finite
from autograd_mini.checked.locks import memories_by_owner
from autograd_mini.graph import modes

HERE = __file__
WARN = {"divide": "warn", "over": "warn", "under": "ignore", "invalid": "warn"}  # NumPy's default


@pytest.fixture(autouse=True)
def _nothing_is_left():
    yield
    gc.collect()
    assert modes.watches == ()
    assert not memories_by_owner
    assert np.geterr() == WARN


def variable(*values, name=None, dtype=float):
    return Tensor(np.array(values, dtype), requires_grad=True, name=name)


def message(call):
    """What the block says of a call, which must raise."""
    with pytest.raises(NonFiniteError) as caught, checked():
        call()
    return str(caught.value)


def line_of(call, marker):
    """The line of this file where a marker is written in a function."""
    lines, first = inspect.getsourcelines(call)
    return next(first + i for i, line in enumerate(lines) if marker in line)


# Forward


def test_log_of_zero_is_named_with_operand_index_and_line():
    def call():
        np.log(variable(1.0, 0.0, 3.0, name="p"))

    text = message(call)
    assert "np.log made" in text
    assert "1 of 3 entries, the first at index (1,), -inf" in text
    assert "operand 0: 'p', shape (3,) float64, values from 0.0 to 3.0; 0.0 at that entry" in text
    assert f"{HERE}:{line_of(call, 'np.log')}: `np.log(variable(" in text
    assert "np.maximum(x, 1e-12)" in text


def test_zero_by_zero_names_both_operands():
    a, b = variable(1.0, 0.0, name="a"), Tensor([2.0, 0.0], name="b")
    text = message(lambda: a / b)
    assert "np.divide made" in text
    assert "'a'" in text
    assert "'b'" in text
    assert "nan" in text


def test_overflow_of_exp_in_float32_has_the_module_path():
    class Exp(nn.Module):
        def forward(self, s):
            return np.exp(s)

    model = nn.MLP([2, 3, 1], activation=Exp, init=nn.init.small_random(1.0), rng=0)
    text = message(lambda: model(np.full((4, 2), 1e4, np.float32)))
    assert "np.exp made" in text
    assert "module: MLP.1" in text
    assert "shape (4, 3) float32" in text
    assert "overflows" in text


def test_a_layer_of_the_library_is_reported_on_the_line_that_calls_it():
    model = nn.MLP([2, 3, 1], rng=0)
    model[0].weights.data = np.full((2, 3), 3e38, np.float32)

    def call():
        model(np.full((4, 2), 10, np.float32))

    text = message(call)
    assert "affine made" in text
    assert "module: MLP.0" in text
    assert "'weights'" in text
    assert f"{HERE}:{line_of(call, 'model(np')}" in text


def test_constants_and_no_grad_are_looked_at_too():
    def call():
        with no_grad():
            np.exp(variable(1000.0))

    assert "np.exp made" in message(call)
    assert "np.log made" in message(lambda: np.log(Tensor(0.0)))


def test_operations_of_several_results_are_looked_at():
    @primitive
    def both(x):
        return 2 * x, 1 / x

    rule(both, lambda g, _out, x: 2 * g[0] - g[1] / x**2)
    assert "both made" in message(lambda: both(variable(1.0, 0.0)))
    with checked():
        double, inverse = both(variable(1.0, 2.0))
        np.sum(double + inverse).backward()


def test_nan_in_the_data_is_said_to_be_in_the_data():
    x, w = Tensor([[1.0, np.nan]], name="batch"), variable([1.0], [2.0], name="w")
    text = message(lambda: x @ w)
    assert "np.matmul was given operand 0 ('batch'), which was NaN from the start" in text
    assert "index (0, 1)" in text
    assert HERE in text
    assert "Clean the data" in text


def test_infinity_on_purpose_passes_and_nan_made_of_it_does_not():
    scores = Tensor(np.zeros((2, 3)), requires_grad=True)
    with checked():
        masked = np.where(np.eye(2, 3) == 1, -np.inf, scores)
        weights = np.exp(masked - np.max(masked, axis=1, keepdims=True))
        np.sum(weights / np.sum(weights, axis=1, keepdims=True)).backward()
        np.maximum(scores.detach(), np.full((2, 3), -np.inf))
    assert all_finite(scores.grad)
    text = message(lambda: np.where(True, -np.inf, scores) - Tensor(-np.inf))
    assert "from infinities" in text


@pytest.mark.parametrize("recording", [True, False])
def test_infinity_in_an_option_passes(recording):
    x = variable(1.0, 2.0)
    with checked(), enable_grad() if recording else no_grad():
        assert np.pad(x, 1, constant_values=-np.inf).data[0] == -np.inf
        assert np.max(x[:0], initial=-np.inf).data == -np.inf


def test_nan_that_is_replaced_passes():
    with checked():
        out = np.nan_to_num(Tensor([1.0, np.nan], requires_grad=True))
        np.sum(out).backward()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([1e300, -1e300]), True),
        (np.array([3e38], np.float32), True),
        (np.array([6e4], np.float16), True),
        (np.array([1e300, np.nan]), False),
        (np.array([1e300, -np.inf]), False),
        (np.array([1 + 1j, complex(0, np.inf)]), False),
        (np.array([1 + 1e300j]), True),
        (np.zeros((0, 3)), True),
        (np.array(np.nan), False),
        (np.array([1, 2]), True),
        (np.full((3, 4), np.nan).T[::2], False),
    ],
)
def test_finite_is_told_exactly(values, expected):
    with np.errstate(all="ignore"):
        assert all_finite(values) is expected


# Backward


def test_slope_of_sqrt_at_zero_points_at_the_forward_line():
    x = variable(0.0, 4.0, name="x")

    def forward():
        return np.sum(np.sqrt(x))

    text = message(lambda: forward().backward())
    assert "The backward of np.sqrt made a cotangent for operand 0 ('x')" in text
    assert "index (0,), inf" in text
    assert f"{HERE}:{line_of(forward, 'np.sqrt')}: `return np.sum(np.sqrt(x))`" in text
    assert x.grad is None


def test_backward_carries_the_module_path_and_the_tensor_name():
    class Root(nn.Module):
        def forward(self, s):
            root = np.sqrt(s * 0)
            root.name = "root"
            return root

    model = nn.Sequential(nn.Linear(2, 3, rng=0), Root())
    text = message(lambda: np.sum(model(np.ones((4, 2), np.float32))).backward())
    assert "module: Sequential.1" in text
    assert "'root'" in text
    assert "shape (4, 3) float32" in text


def test_only_the_loss_is_nan_and_its_backward_is_finite():
    w = variable(1.0, 2.0, name="w")
    loss = np.sum(w * 2.0) + Tensor(np.nan, name="penalty")
    loss.backward()
    assert all_finite(w.grad)  # what an inspection of gradients would let pass
    assert "'penalty'" in message(lambda: np.sum(w * 2.0) + Tensor(np.nan, name="penalty"))


def test_a_seed_that_is_not_finite_is_said_to_be_the_seed():
    x = variable(1.0, 2.0)
    seed = np.array([np.nan, 1.0])
    assert "the seed" in message(lambda: (x * 2.0).backward(seed))
    assert "the seed" in message(lambda: (x + 1.0).backward(seed))


def test_a_sum_of_cotangents_that_overflows_is_said_to_be_one():
    x = variable(1.0, dtype=np.float32)
    huge = np.float32(3e38)

    def call():
        y = x * np.float32(1e-38)
        np.sum(y * huge + y * huge).backward()

    text = message(call)
    assert "sum over several consumers overflows" in text
    assert "np.multiply" in text


def test_what_was_not_chosen_passes_however_steep_it_is():
    x = variable(0.0, 4.0, name="x")
    with checked():
        np.sum(np.where(x > 0, np.sqrt(x), 0)).backward()
    assert x.grad.tolist() == [0.0, 0.25]
    with checked():
        second = grad(lambda x: np.sum(grad(lambda x: np.sum(np.where(x > 0, x**1.5, 0)))(x)))(np.array([0.0, 4.0]))
    assert second.tolist() == [0.0, 0.375]


def test_what_was_chosen_beside_what_was_not_is_named():
    x = variable(-1.0, 0.0, 4.0)
    text = message(lambda: np.sum(np.where(x >= 0, np.sqrt(np.absolute(x)), 0)).backward())
    assert "np.sqrt" in text
    assert "1 of 3 entries, the first at index (1,)" in text


def test_a_cotangent_that_is_0_is_named():
    x = variable(0.0, 4.0)
    text = message(lambda: np.sum(np.sqrt(x) ** 2).backward())
    assert "exactly 0" in text


def test_a_branch_that_was_taken_is_named():
    x = variable(0.0, 4.0)
    text = message(lambda: np.sum(np.where(x >= 0, np.sqrt(x) * 0.0, 1.0)).backward())
    assert "exactly 0" in text


def test_second_derivatives_pass_and_fail_as_first_ones():
    x = np.array([0.0, 1.0])
    with checked():
        second = grad(lambda x: np.sum(grad(lambda x: np.sum(x**3))(x)))(x)
        assert second.tolist() == [0.0, 6.0]
        power = grad(lambda x: np.sum(grad(lambda x: np.sum(x**2.5))(x)))(np.array([1.0]))
    assert np.isclose(power, 2.5 * 1.5)
    text = message(lambda: grad(lambda x: np.sum(grad(lambda x: np.sum(x**1.5))(x)))(x))
    assert "np.power" in text
    assert HERE in text


def test_infinities_that_a_rule_leaves_out_pass():
    @primitive
    def cube_root(x):
        return np.cbrt(x)

    rule(cube_root, lambda g, out, _x: np.where(np.equal(out, 0), 0, g / (3 * out**2)))
    with checked():
        x = Tensor([0.0, 8.0], requires_grad=True)
        slope = grad(lambda x: np.sum(cube_root(x)))(x)
    assert np.allclose(slope.data, [0, 1 / 12])


def test_checkpoint_is_looked_into():
    x = variable(0.0, 4.0)

    def segment(x):
        return np.sum(np.sqrt(x))

    text = message(lambda: checkpoint(segment)(x).backward())
    assert "np.sqrt" in text
    assert f"{HERE}:{line_of(segment, 'np.sqrt')}" in text
    with checked():
        checkpoint(lambda x: np.sum(np.tanh(x)))(x).backward()
    assert all_finite(x.grad)


# Locks


def test_a_mutation_before_the_backward_raises_on_its_line():
    w = variable(1.0, 2.0)

    def mutate():
        w.data[0] = 5.0

    with checked():
        loss = np.sum(w * w)
        with pytest.raises(ValueError, match="read-only") as caught:
            mutate()
        assert traceback.extract_tb(caught.tb)[-1].lineno == line_of(mutate, "w.data[0]")
        with pytest.raises(ValueError, match="read-only"):
            w.data -= 1.0
        loss.backward()
        w.data[0] = 5.0
    assert w.grad.tolist() == [2.0, 4.0]


def test_results_are_locked_too():
    with checked():
        h = np.exp(variable(1.0, 2.0))
        with pytest.raises(ValueError, match="read-only"):
            h.data[...] = 0
        np.sum(h).backward()
        h.data[...] = 0


def test_the_array_behind_a_view_is_locked():
    base = np.ones((2, 3))
    w = Tensor(np.zeros(3), requires_grad=True)
    w.data = base[0]
    with checked():
        loss = np.sum(w * w)
        for array in (base, w.data):
            with pytest.raises(ValueError, match="read-only"):
                array[...] = 0
        loss.backward()
        base[...] = 2
        w.data[...] = 3
    assert base.tolist() == [[3, 3, 3], [2, 2, 2]]


def test_arrays_that_are_no_tensors_were_copied_and_stay_free():
    x, w = np.ones(2), variable(1.0, 2.0)
    with checked():
        loss = np.sum(w * x)
        x[0] = 100.0
        loss.backward()
    assert w.grad.tolist() == [1.0, 1.0]


def test_a_tensors_memory_given_as_an_array_is_safe_after_the_block():
    w, u = variable(1.0, 2.0), variable(1.0, 1.0)
    with checked():
        first = np.sum(w * w)
        loss = np.sum(u * w.data)
    w.data[...] = 100.0
    loss.backward()
    assert u.grad.tolist() == [1.0, 2.0]
    assert first.requires_grad


def test_updates_that_make_new_arrays_work_at_any_time():
    w = variable(1.0, 2.0)
    with checked():
        loss = np.sum(w * w)
        with no_grad():
            w -= 1.0
        w.data = np.array([7.0, 7.0])
        loss.backward()
    assert w.grad.tolist() == [2.0, 4.0]


def test_an_array_is_locked_until_the_last_graph_that_needs_it_is_done():
    w = variable(1.0, 2.0)
    with checked():
        first, second = np.sum(w * w), np.sum(w * w)
        first.backward()
        assert not w.data.flags.writeable
        second.backward()
        assert w.data.flags.writeable


def test_a_graph_that_is_retained_stays_locked():
    w = variable(1.0, 2.0)
    with checked():
        loss = np.sum(w * w)
        loss.backward(retain_graph=True)
        assert not w.data.flags.writeable
        loss.backward()
        assert w.data.flags.writeable


def test_dropping_the_loss_unlocks():
    w = variable(1.0, 2.0)
    with checked():
        loss = np.sum(w * w)
        assert not w.data.flags.writeable
        del loss
        assert w.data.flags.writeable


def test_leaving_unlocks_whatever_happened():
    w, fixed = variable(1.0, 2.0), np.ones(2)
    fixed.flags.writeable = False
    with checked():
        loss = np.sum(w * w * fixed)
    assert w.data.flags.writeable
    with pytest.raises(ZeroDivisionError), checked():
        loss = np.sum(w * w) / (1 // 0)
    assert w.data.flags.writeable
    with pytest.raises(NonFiniteError), checked():
        loss = np.log(w * w * 0.0)
    assert w.data.flags.writeable
    assert not fixed.flags.writeable
    loss.backward()  # the graph itself is whole


def test_a_generator_that_is_closed_unlocks():
    w = variable(1.0, 2.0)

    def steps():
        with checked():
            loss = np.sum(w * w)
            yield loss

    running = steps()
    next(running)
    assert not w.data.flags.writeable
    running.close()
    assert w.data.flags.writeable


def test_memory_is_flat_in_a_loop_without_the_collector():
    model = nn.MLP([8, 32, 2], rng=0)
    sgd = nn.SGD(model.parameters(), learning_rate=0.1)
    x, y = np.ones((64, 8), np.float32), np.zeros(64, int)

    def step():
        sgd.zero_grad()
        nn.cross_entropy(model(x), y).backward()
        sgd.step()

    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        with checked():
            for _ in range(5):
                step()
            before = tracemalloc.get_traced_memory()[0]
            for _ in range(50):
                step()
            grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
        gc.enable()
    assert grown < 100_000  # one activation of each step would be 400,000; NumPy itself takes some bytes a step


def test_what_numpy_made_read_only_stays_so():
    fixed = np.broadcast_to(np.ones(1), (3,))
    w = Tensor(np.zeros(3), requires_grad=True)
    w.data = fixed
    with checked():
        np.sum(w * w).backward()
    assert not fixed.flags.writeable


# The block


def test_a_training_loop_works_inside():
    model = nn.MLP([2, 8, 2], rng=0)
    sgd = nn.SGD(model.parameters(), learning_rate=0.5, momentum=0.9)
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (50, 2)).astype(np.float32)
    y = (x[:, 0] > 0).astype(int)
    losses = []
    with checked():
        for _ in range(30):
            sgd.zero_grad()
            loss = nn.cross_entropy(model(x), y)
            loss.backward()
            for parameter in model.parameters():
                parameter.data *= 0.999
            sgd.step()
            losses.append(float(loss.data))
    assert losses[-1] < losses[0] / 2


def test_no_graph_is_kept_alive():
    w = variable(1.0, 2.0)
    gc.disable()
    try:
        with checked():
            alive = []
            for i in range(20):
                loss = np.sum(np.where(w > 0, np.sqrt(w * w), 0))
                if i % 2:
                    loss.backward()
                alive.append(weakref.ref(loss._record))
            del loss
            (checker,) = modes.watches
            assert [ref for ref in alive if ref() is not None] == []
            assert not checker.places
            assert not checker.held
    finally:
        gc.enable()


def test_blocks_nest_and_may_be_entered_again():
    block = checked()
    w = variable(1.0, 2.0)
    with block:
        with block, checked():
            loss = np.sum(w * w)
        assert not w.data.flags.writeable
        with pytest.raises(NonFiniteError):
            np.log(w * 0.0)
    assert w.data.flags.writeable
    assert loss.requires_grad


def test_blocks_may_be_left_in_any_order():
    first, second = checked(), checked()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    with pytest.raises(NonFiniteError):
        np.log(variable(0.0))
    second.__exit__(None, None, None)
    assert np.geterr() == WARN


def test_as_decorator_also_of_recursive_functions():
    @checked()
    def power(x, n):
        return x if n == 0 else power(x, n - 1) * x

    assert power(variable(2.0), 3).data == [16.0]
    with pytest.raises(NonFiniteError, match=r"np\.multiply"):
        power(variable(1e200), 3)


def test_it_holds_for_its_thread_alone():
    found, w = [], variable(0.0, 1.0)
    started, finish = threading.Event(), threading.Event()

    def work():
        with checked():
            loss = np.sum(w * w)
            started.set()
            finish.wait(10)
            loss.backward()
            found.append(np.geterr()["divide"])

    thread = threading.Thread(target=work)
    thread.start()
    assert started.wait(10)
    with np.errstate(divide="ignore"):
        np.log(w)
    with checked():
        again = np.sum(w * w)
        again.backward()
        assert not w.data.flags.writeable  # the other thread's graph needs it
    finish.set()
    thread.join()
    assert found == ["ignore"]
    assert w.data.flags.writeable


def test_warnings_are_off_inside_and_back_after():
    with np.errstate(over="raise"):
        with checked():
            assert set(np.geterr().values()) == {"ignore"}
            np.float32(3e38) * np.float32(10)
        assert np.geterr()["over"] == "raise"


def test_wrong_use_says_what_to_write():
    with pytest.raises(TypeError, match=r"with checked\(\)"), checked:
        pass
    with pytest.raises(TypeError, match="no arguments"):
        checked(3)
    with pytest.raises(TypeError, match=r"`@checked\(\)`"):

        @checked
        def step():
            pass

    with pytest.raises(TypeError, match="generator"):

        @checked()
        def steps():
            yield


def test_the_error_is_a_floating_point_error():
    assert issubclass(NonFiniteError, FloatingPointError)
