"""What cannot be a program is refused, with the line and what to write, and nothing has changed then."""

import re
import threading
import traceback

import numpy as np
import pytest

import nn
from autograd_mini import CompileError, Tensor, compile, grad, vmap
from tests.autograd_mini.compiling.same import difference

X = np.arange(6.0).reshape(2, 3) + 1
KEPT, COUNT, RNG = [], 0, np.random.default_rng(0)


class Cell:
    """Something that the code of a step does not name."""

    value = 0
    rng = np.random.default_rng(0)
    array = None


def branch(x):
    return x if np.sum(x) > 0 else -x


def assign(x):
    y = x * 2
    y[0] = 1.0
    return y


def add_in_place(x):
    x += 1
    return x


def add_to_a_view(x):
    y = x * 2
    z = y[0]
    z += 1
    return y


def collect(x):
    KEPT.append(x * 2)
    return x


def count(x):
    global COUNT
    COUNT += 1
    return x


def change_an_argument(x, state):
    state["w"] = state["w"] + x
    return x


def leave_a_gradient(x, model):
    np.sum(model(x)).backward()
    return x


def draw(x):
    return x + RNG.normal()


def draw_common(x):
    return x + np.random.normal()


def draw_hidden(x):
    return x + Cell.rng.normal()


def count_hidden(x):
    Cell.value += 1
    return x * Cell.value


def branch_hidden(x):
    Cell.value += 1
    return np.tanh(x) if Cell.value % 2 else np.sin(x)


HERE = __file__


@pytest.mark.parametrize(
    ("f", "what", "write"),
    [
        (branch, "A truth value", "np.where"),
        (lambda x: x * float(np.sum(x)), r"float\(\)", "Return the array"),
        (lambda x: x * np.sum(x).item(), r"\.item\(\)", "Return the array"),
        (lambda x: x[: int(np.sum(x))], r"int\(\)", "Return the array"),
        (lambda x: np.zeros(9)[np.argmax(x)], "does not hand over", "functions of NumPy"),
        (lambda x: np.asarray(x) * 2, "does not hand over", "autograd_mini.primitive"),
        (lambda x: x.tolist(), r"\.tolist\(\)", "Return the array"),
        (lambda x: f"{np.sum(x):.3f}", "A format", "Return the array"),
        (lambda x: np.add(x, 1, out=np.zeros((2, 3))), "writes into an array", "out="),
        (lambda x: np.put_along_axis(x * 1, np.zeros((2, 1), int), 5, 1), "put_along_axis that writes", "np.where"),
        (lambda x: np.copyto(x, 1), "copyto that writes", "np.where"),
        (lambda x: np.add.at(x, 0, 1), "writes into an array", "at"),
        (lambda x: (x * 1).sort(), "Writing into an array", "np.where"),
        (assign, "Writing into an array", r"\.at\[index\]\.set"),
        (add_in_place, "writes into an array", r"a = a \+ b"),
        (add_to_a_view, "writes into an array", r"a = a \+ b"),
    ],
)
def test_what_needs_values_or_writes_is_refused_with_its_line(f, what, write):
    x = X.copy()
    with pytest.raises(CompileError, match=what) as caught:
        compile(f)(x)
    assert f"{HERE}:" in str(caught.value)
    assert re.search(write, str(caught.value))


@pytest.mark.parametrize(
    ("f", "message"),
    [
        (count_hidden, "other constants|was given 1 and 2"),
        (draw_hidden, "other constants|was given"),
        (branch_hidden, "one computed tanh, the other sin"),
    ],
)
def test_what_differs_from_call_to_call_is_refused_in_the_second_with_its_line(f, message):
    Cell.value = 0
    step = compile(f)
    step(X)
    with pytest.raises(CompileError, match=message) as caught:
        step(X)
    assert f"{HERE}:" in str(caught.value)


def test_what_is_kept_outside_is_refused():
    KEPT.clear()
    with pytest.raises(CompileError, match="keeps an array outside") as caught:
        compile(collect)(X)
    assert "KEPT.append(x * 2)" in str(caught.value)
    KEPT.clear()


def test_a_global_number_that_a_step_changes_is_refused_and_put_back():
    with pytest.raises(CompileError, match="changed `COUNT` from 0 to 1"):
        compile(count)(X)
    assert COUNT == 0


@pytest.mark.parametrize(("f", "name"), [(draw, "`RNG`"), (draw_common, r"np\.random\.normal")])
def test_draws_of_a_generator_that_nobody_named_are_refused(f, name):
    before = RNG.bit_generator.state
    with pytest.raises(CompileError, match=f"random numbers from .*{name}"):
        compile(f)(X)
    assert RNG.bit_generator.state == before


def test_changes_of_arguments_are_refused():
    with pytest.raises(CompileError, match="changed one of its arguments in place"):
        compile(change_an_argument)(X, {"w": X})
    with pytest.raises(CompileError, match=r"leaves a gradient in the argument weights"):
        compile(leave_a_gradient)(X, nn.Linear(3, 2, rng=0))


def test_a_result_through_which_a_gradient_could_flow_is_refused():
    w = Tensor(np.ones(3), requires_grad=True, name="w")
    with pytest.raises(CompileError, match="detach"):
        compile(w)(lambda x: np.sum(w * x))(X)


class Training:
    """A model with an optimizer, and what a step changes of them."""

    def __init__(self):
        self.model = nn.Sequential(nn.Linear(3, 2, rng=0), nn.BatchNorm(2), nn.Dropout(0.5, rng=1))
        self.optimizer = nn.Adam(self.model.parameters(), 0.1)

    def step(self, x):
        self.optimizer.zero_grad()
        loss = np.mean(self.model(x) ** 2)
        loss.backward()
        self.optimizer.step()
        return loss

    def state(self):
        arrays = [part.data.copy() for _, part in self.model.named_parts() if hasattr(part, "data")]
        grads = [p.grad for p in self.model.parameters()]
        numbers = [array.copy() for _, array in sorted(self.optimizer.state_dict().items()) if hasattr(array, "copy")]
        return arrays, grads, numbers, [repr(m.rng.bit_generator.state) for m in [self.model[2]]]


@pytest.mark.parametrize("steps", [0, 1, 2, 5])
@pytest.mark.parametrize("kind", ["refusal", "interrupt", "error"])
def test_a_call_that_fails_leaves_all_as_it_was(steps, kind):
    training = Training()
    fails = []

    @compile(training.model, training.optimizer)
    def step(x, y=0):
        loss = training.step(x)
        if y and kind == "refusal":
            loss.item()
        if y and kind == "interrupt" and not fails:
            fails.append(1)
            raise KeyboardInterrupt
        if y and kind == "error":
            raise ValueError("the user's own")
        return loss

    for _ in range(steps):
        step(X)
    before = training.state()
    error = {"refusal": CompileError, "interrupt": KeyboardInterrupt, "error": ValueError}[kind]
    with pytest.raises(error):
        step(X, 1)
    assert not difference(training.state(), before)


def test_parameters_and_optimizers_that_nobody_named_are_refused_by_name_and_put_back():
    training = Training()
    model, optimizer = training.model, training.optimizer
    before = training.state()

    def step(x):
        optimizer.zero_grad()
        loss = np.mean(model(x) ** 2)
        loss.backward()
        optimizer.step()
        return loss

    for owners in ((model,), (optimizer,)):
        with pytest.raises(CompileError, match=r"which belongs to nothing that `compile` was given") as caught:
            compile(*owners)(step)(X)
        assert "`optimizer`" in str(caught.value) or "`model`" in str(caught.value)
        assert not difference(training.state(), before)


def test_a_tensor_that_nobody_named_is_refused_by_name_and_put_back():
    w = Tensor(np.ones(3), requires_grad=True, name="slope of the line")
    holder = {"w": w}

    def step(x):
        np.sum(holder["w"] * x).backward()
        return x

    with pytest.raises(CompileError, match="changes slope of the line, which belongs to nothing"):
        compile(step)(X)
    assert w.grad is None
    assert type(w.data) is np.ndarray


def test_watched_and_batched_calls_are_computed_without_a_program():
    step = compile(lambda x: np.tanh(x) * 2)
    for _ in range(4):
        step(X[0])
    assert not difference(vmap(step)(X), np.tanh(X) * 2)
    t = Tensor(X[0], requires_grad=True)
    step(t).sum().backward()
    assert t.grad is not None


def test_owners_must_be_able_to_say_what_changes():
    for wrong in (3, nn.Linear, "model"):
        with pytest.raises(CompileError, match="name what the step changes"):
            compile(wrong, wrong)


def test_threads_share_a_step_or_have_their_own():
    shared = compile(grad(lambda x: np.sum(np.tanh(x) ** 2)))
    wrong = []

    def work(k):
        own = compile(lambda x: np.cumsum(x * k))
        rng = np.random.default_rng(k)
        for _ in range(40):
            x = rng.standard_normal(3 + k % 2)
            wrong.append(difference(shared(x), grad(lambda x: np.sum(np.tanh(x) ** 2))(x)))
            wrong.append(difference(own(x), np.cumsum(x * k)))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not any(wrong)
    assert len(shared.entries) == 2


def test_a_traceback_through_a_program_shows_its_text():
    step = compile(lambda x: np.linalg.inv(np.tanh(x)))
    for _ in range(4):
        step(np.eye(2) + 0.5)
    with pytest.raises(np.linalg.LinAlgError) as caught:
        step(np.zeros((2, 2)))
    text = "".join(traceback.format_exception(caught.value))
    assert "np.linalg.inv(" in text
    assert "<program" in text
