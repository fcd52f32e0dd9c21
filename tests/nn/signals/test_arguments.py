"""`nn.signals` says which of its arguments stands where, and what to write."""

import numpy as np
import pytest

import nn

X, Y = np.ones((4, 3)), np.zeros((4, 1))
MODEL = nn.MLP([3, 1], rng=0)
LOSS = nn.squared_error


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((X, MODEL), r"nn.signals\(an array of shape \(4, 3\), an MLP\) was written, but the model is its second"),
        ((X, LOSS, MODEL, Y), r"the model is its third argument\. Write `nn.signals\(model, loss_fn, x, y\)`"),
        ((LOSS, MODEL, X, Y), r"nn.signals\(the function squared_error, an MLP, .*the model is its second argument"),
        ((MODEL, X, Y), r"its second argument, loss_fn, is an array of shape \(4, 3\)"),
        ((MODEL, X, Y, LOSS), r"\(4, 1\), the function squared_error\) was written, but its second argument"),
        ((nn.MLP, LOSS, X, Y), r"its first argument, the model, is the class MLP"),
        ((MODEL, LOSS), r"nothing stands for x, a batch of inputs"),
        ((MODEL, LOSS, X), r"the loss takes targets too, and nothing stands for y"),
    ],
)
def test_arguments_in_another_order_are_told_apart(given, message):
    with pytest.raises(TypeError, match=message):
        nn.signals(*given)


class SquaredError(nn.Module):
    def forward(self, out, y):
        return np.mean((out - y) ** 2)


@pytest.mark.parametrize(
    "given",
    [
        (MODEL, SquaredError(), X, Y),
        (lambda x: MODEL(x), SquaredError(), X, Y),
        (MODEL, lambda out: np.mean(out * out), X),
        (MODEL, lambda out, y=0: np.mean((out - y) ** 2), X),
        (MODEL, lambda *given: np.mean(given[0]), X),
    ],
    ids=["two modules", "a function and a module", "no targets", "targets by default", "any arguments"],
)
def test_arguments_that_make_sense_are_taken(given):
    assert nn.signals(*given).layers


@pytest.mark.extra
@pytest.mark.parametrize(
    ("model", "loss", "message"),
    [
        ("nn.Linear(3, 1)", "", r"first argument is PyTorch's Linear, .*`model = nn\.from_torch\(module, x\)` first"),
        ("", "nn.functional.cross_entropy", r"argument is PyTorch's cross_entropy, .*Write `nn\.cross_entropy`\."),
        ("", "nn.functional.mse_loss", r"PyTorch's mse_loss, .*Write `nn\.squared_error\("),
        ("", "nn.BCEWithLogitsLoss()", r"PyTorch's BCEWithLogitsLoss, .*Write `nn\.logistic_loss\("),
        ("", "mean", r"PyTorch's mean, .*Write a loss of nn's, such as"),
        ("nn.Linear(3, 1)", "nn.MSELoss()", r"Linear and its second .* MSELoss, .*from_torch.*squared_error"),
    ],
)  # fmt: skip
def test_modules_and_losses_of_pytorch_are_answered(model, loss, message):
    torch = pytest.importorskip("torch")
    made = {name: eval(f"torch.{name}", {"torch": torch}) for name in (model, loss) if name}
    with pytest.raises(TypeError, match=message):
        nn.signals(made.get(model, MODEL), made.get(loss, LOSS), X, Y)


def test_what_only_has_a_name_like_pytorch_is_taken():
    class Own(nn.MLP):
        pass

    Own.__module__ = "torchless.models"
    assert nn.signals(Own([3, 1], rng=0), LOSS, X, Y).layers
