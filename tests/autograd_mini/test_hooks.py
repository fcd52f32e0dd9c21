"""Hooks: what they see, what comes of what they return, in every kind of backward."""

import copy
import dataclasses
import pickle
import threading

import numpy as np
import pytest

import nn
from autograd_mini import NonFiniteError, Tensor, checked, checkpoint, grad, jvp, primitive, rule, signals, vjp
from autograd_mini.testing.computations import random_program

rng = np.random.default_rng(0)


@primitive
def identity(x):
    return x.copy()


def changed(g):
    return 0.5 * g + np.tanh(g)


rule(identity, lambda g, _out, _x: 0.5 * g + np.tanh(g))


def with_hook(t):
    if isinstance(t, Tensor) and t.requires_grad:
        t.register_hook(changed)
    return t


def after_each_step(program, change):
    def changed_step(step):
        return step._replace(function=lambda *args, **options: change(step.function(*args, **options)))

    return dataclasses.replace(program, steps=tuple(map(changed_step, program.steps)))


def gradients(program, inputs):
    return grad(lambda *arrays: np.sum(program(*arrays)), argnums=range(len(inputs)))(*inputs)


def second_derivatives(program, inputs):
    def size(*arrays):
        return sum(np.sum(g * g) for g in gradients(program, arrays))

    return grad(size, argnums=range(len(inputs)))(*inputs)


def collected(program, inputs):
    leaves = [Tensor(x, requires_grad=True) for x in inputs]
    total = np.sum(program(*leaves))
    if total.requires_grad:
        total.backward()
    return [np.zeros(leaf.shape) if leaf.grad is None else leaf.grad for leaf in leaves]


def checked_gradients(program, inputs):
    with checked():
        return collected(program, inputs)


def recomputed_gradients(program, inputs):
    return gradients(checkpoint(program), inputs)


@pytest.mark.parametrize("seed", range(60))
def test_a_hook_after_each_step_is_an_operation_there_with_it_for_a_rule(seed):
    program = random_program(np.random.default_rng(seed), max_steps=8)
    inputs = program.inputs
    hooked, composed = after_each_step(program, with_hook), after_each_step(program, identity)
    ways = gradients, collected, checked_gradients, recomputed_gradients
    want = gradients(composed, inputs)
    for way in ways:
        for a, b in zip(way(hooked, inputs), want, strict=True):
            largest = np.max(np.abs(b), initial=0)
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12 * largest, err_msg=way.__name__)


@pytest.mark.parametrize("seed", range(100, 120))
def test_higher_derivatives_go_through_a_hook_as_through_a_rule(seed):
    # Of copies: a rule that reads its own result sends a second cotangent there, which a hook of it would see too.
    program = random_program(np.random.default_rng(seed), max_steps=6)
    hooked = after_each_step(program, lambda t: with_hook(t.copy()))
    composed = after_each_step(program, identity)
    for a, b in zip(
        second_derivatives(hooked, program.inputs), second_derivatives(composed, program.inputs), strict=True
    ):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9 * np.max(np.abs(b), initial=0))


def diamond(x):
    h = np.tanh(x)
    return h, np.sum(h * h + np.exp(h) * 2)


def test_a_hook_sees_the_whole_sum_once_in_each_backward():
    x, seen = Tensor([0.5, -1.0], requires_grad=True), []
    h, loss = diamond(x)
    h.register_hook(seen.append)
    for _ in range(2):
        loss.backward(retain_graph=True)
    want = 2 * h.data + 2 * np.exp(h.data)
    np.testing.assert_allclose(seen, [want, want])


def test_hooks_run_in_their_order_each_on_what_the_last_returned_until_removed():
    x = Tensor([1.0, 2.0], requires_grad=True)
    first = x.register_hook(lambda g: g + 1)
    second = x.register_hook(lambda g: g * 10)
    assert len(x.hooks) == 2
    np.sum(x).backward()
    np.testing.assert_array_equal(x.grad, [20, 20])
    x.grad = None
    first.remove()
    first.remove()
    np.sum(x).backward()
    np.testing.assert_array_equal(x.grad, [10, 10])
    second.remove()
    assert x.hooks == ()


@pytest.mark.parametrize(
    "derive",
    [
        lambda f, x: grad(f)(x),
        lambda f, x: vjp(f, x)[1](np.ones(()))[0],
        lambda f, x: grad(f)(Tensor(x, requires_grad=True)).data,
        lambda f, x: grad(checkpoint(f))(x),
        lambda f, x: np.stack([jvp(f, (x,), (direction,))[1] for direction in np.eye(2)]),
    ],
    ids=["grad", "vjp", "recorded", "checkpoint", "jvp"],
)
def test_an_argument_of_the_function_can_have_a_hook(derive):
    def f(x):
        x.register_hook(lambda g: -3 * g)
        return np.sum(x * x)

    np.testing.assert_allclose(derive(f, np.array([1.0, 2.0])), [-6, -12])


def test_the_tensor_that_grad_is_given_keeps_its_hook():
    w = Tensor([1.0, 2.0], requires_grad=True)
    w.register_hook(lambda g: g / 2)
    first = grad(lambda w: np.sum(w**3))(w)
    np.testing.assert_allclose(first.data, 1.5 * w.data**2)
    np.sum(first).backward()  # its derivative 3 w goes back to w, whose hook halves it again
    np.testing.assert_allclose(w.grad, 1.5 * w.data)


def test_closed_over_tensors_of_a_checkpoint_have_their_hooks_called_once():
    w, seen = Tensor([1.0, 2.0], requires_grad=True), []
    h = w * 2
    h.register_hook(seen.append)
    w.register_hook(seen.append)
    (checkpoint(lambda x: np.sum(x * h * w))(Tensor([1.0, 1.0])) + np.sum(h)).backward()
    np.testing.assert_allclose(seen, [w.data + 1, 2 * (w.data + 1) + h.data])


def test_a_complex_gradient_is_seen_as_it_is_in_grad():
    z, seen = Tensor([1 + 2j, 3j], requires_grad=True), []
    h = z * (2 - 1j)
    h.register_hook(seen.append)
    h.retain_grad()
    z.register_hook(lambda g: g * 1j)
    np.sum(np.abs(h) ** 2).backward()
    np.testing.assert_allclose(seen[0], 2 * h.data)
    np.testing.assert_allclose(h.grad, 2 * h.data)
    np.testing.assert_allclose(z.grad, 2 * h.data * (2 + 1j) * 1j)


def test_what_a_hook_kept_stays_as_it_was_and_cannot_be_written_into():
    b, seen = Tensor(np.zeros(3), requires_grad=True), []
    (y := b + 1).register_hook(seen.append)
    np.sum(y).backward()
    b.grad *= 5
    np.testing.assert_array_equal(seen[0], np.ones(3))
    y.register_hook(lambda g: np.multiply(g, 2, out=g))
    with pytest.raises(ValueError, match="read-only"):
        np.sum(y).backward()


def test_an_array_that_hooks_return_again_and_again_is_copied():
    buffer, x = np.zeros(2), Tensor(np.zeros(2), requires_grad=True)

    def scaled(g):
        np.multiply(g, 2, out=buffer)
        return buffer

    a, b = x + 1, x + 2
    a.register_hook(scaled)
    b.register_hook(scaled)
    np.sum(a * 3 + b * 5).backward()
    np.testing.assert_array_equal(x.grad, [16, 16])


def test_retained_gradients_add_up_in_backward_alone_and_can_be_cleared():
    x = Tensor([1.0, 2.0], requires_grad=True)
    h = x * x
    h.retain_grad()
    h.register_hook(lambda g: g * 2)
    loss = np.sum(h * 3)
    signals(loss)
    assert h.grad is None
    loss.backward(retain_graph=True)
    loss.backward()
    np.testing.assert_array_equal(h.grad, [12, 12])
    h.grad = None
    assert h.grad is None


def test_signals_measure_what_hooks_return():
    x = Tensor([1.0, 2.0], requires_grad=True)
    h = x * x
    h.register_hook(lambda g: g * 0)
    x.register_hook(lambda g: g + 7)
    measured = signals(np.sum(h))
    assert measured[h].rms == 0
    assert measured[x].rms == 7


def test_copies_and_pickles_keep_the_hooks_with_their_handles():
    x = Tensor([1.0, 2.0], requires_grad=True)
    h = x * x
    handle = h.register_hook(np.negative)
    h.retain_grad()
    x.register_hook(np.negative)
    twins = copy.deepcopy({"h": h, "handle": handle, "x": x})
    np.sum(twins["h"]).backward(retain_graph=True)
    np.testing.assert_array_equal(twins["x"].grad, [2, 4])
    np.testing.assert_array_equal(twins["h"].grad, [-1, -1])
    assert x.grad is None
    assert h.grad is None
    twins["handle"].remove()
    assert twins["h"].hooks == ()
    assert h.hooks == (np.negative,)
    assert pickle.loads(pickle.dumps(x)).hooks == (np.negative,)


def test_each_thread_calls_the_hooks_in_its_own_backward():
    w, seen = Tensor(np.ones(3), requires_grad=True), []
    w.register_hook(lambda g: seen.append(threading.get_ident()) or 2 * g)
    threads = [threading.Thread(target=lambda: np.sum(w * 3).backward()) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 8
    np.testing.assert_array_equal(w.grad, [48, 48, 48])


def test_a_checked_block_names_the_tensor_whose_hook_made_a_nan():
    x = Tensor([0.0, 1.0], requires_grad=True, name="x")
    for t in (x, x * 2):
        handle = t.register_hook(lambda g: g / np.zeros(2))
        with checked(), pytest.raises(NonFiniteError, match=r"A hook of the .* returned a gradient that") as caught:
            np.sum(t * 3).backward()
        assert "handle = t.register_hook(lambda g: g / np.zeros(2))" in str(caught.value)
        handle.remove()


def test_gradient_reversal_is_two_lines():
    """Domain-adversarial training (Ganin et al. 2016): features learn the labels and unlearn the domain."""
    x, w = rng.standard_normal((5, 3)), Tensor(rng.standard_normal((3, 2)), requires_grad=True)
    label, domain = rng.standard_normal((2, 2, 1))
    features = np.tanh(x @ w)
    reversed_features = features.copy()
    strength = Tensor(0.3, requires_grad=True)  # a backward that is not recorded leaves no history to be lost
    reversed_features.register_hook(lambda g: -strength * g)
    (np.sum((features @ label) ** 2) + np.sum(np.exp(reversed_features @ domain))).backward()
    h = np.tanh(x @ w.data)
    delta = 2 * (h @ label) @ label.T - 0.3 * np.exp(h @ domain) @ domain.T
    np.testing.assert_allclose(w.grad, x.T @ (delta * (1 - h**2)))


def test_findings_blame_no_factor_and_no_branch_for_what_hooks_do():
    model = nn.MLP([8, *[8] * 6, 4], "tanh", nn.init.small_random(0.1), rng=0)
    x, y = rng.standard_normal((16, 8)), rng.integers(0, 4, 16)

    def changed(_module, _args, output):
        output.register_hook(lambda g: g / np.sqrt(np.mean(g * g)))

    def seen(_module, _args, output):
        output.register_hook(lambda _g: None)

    plain = nn.signals(model, nn.cross_entropy, x, y).findings
    handle = model.layers[3].register_forward_hook(seen)
    assert nn.signals(model, nn.cross_entropy, x, y).findings == plain
    handle.remove()
    for layer in model.layers[1::2]:
        layer.register_forward_hook(changed)
    found = nn.signals(model, nn.cross_entropy, x, y).findings
    assert "hooks of 6 results put other gradients in its place" in found[0]
    assert len(found) == 1


def test_copies_of_a_model_keep_the_hooks_in_another_precision_too():
    model = nn.Linear(2, 1, rng=0)
    model.weights.register_hook(np.negative)
    x = np.ones((3, 2))
    for twin in (copy.deepcopy(model), model.astype(np.float64)):
        np.sum(twin(x)).backward()
        np.testing.assert_array_equal(twin.weights.grad, [[-3], [-3]])


def test_a_hook_behind_a_choice_is_called_once_and_sees_no_trap():
    x, seen = Tensor(np.array([0.0, 4.0]), requires_grad=True), []
    root = np.sqrt(x)
    root.register_hook(lambda g: seen.append(np.array(g)))
    x.register_hook(lambda g: seen.append(np.array(g)))
    np.sum(np.where(x.data > 0, root, 0.0)).backward()
    np.testing.assert_array_equal(seen, [[0, 1], [0, 0.25]])
    np.testing.assert_array_equal(x.grad, [0, 0.25])
