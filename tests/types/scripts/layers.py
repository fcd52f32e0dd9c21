"""Layers and losses of one's own, as somebody writes them who knows PyTorch, and a training loop by hand."""

from typing import reveal_type

import numpy.typing as npt

import nn
from autograd_mini import Tensor
from autograd_mini import numpy as np

Array = npt.NDArray[np.float64]
rng = np.random.default_rng(0)


class Gate(nn.Module):
    """Scores that decide themselves how much of them passes."""

    def __init__(self, d_in: int, units: int) -> None:
        super().__init__()
        self.scores = nn.Linear(d_in, units, rng=0)
        self.weights = nn.Parameter(rng.standard_normal((d_in, units)))
        self.seen = nn.Buffer(np.zeros(()))
        self.norm: nn.Module | None = None

    def forward(self, x: Tensor | Array) -> Tensor:
        open_ = 1 / (1 + np.exp(-(x @ self.weights)))
        return np.tanh(self.scores(x)) * open_


class Pair(nn.Module):
    """Two results, and an option."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = [Gate(2, 8), Gate(8, 8)]
        self.out = nn.Sequential(nn.Dropout(0.1, rng=0), nn.Linear(8, 2, rng=1))

    def forward(self, x: Array, scale: float = 1.0) -> tuple[Tensor, Tensor]:
        h = self.blocks[0](x)
        for block in self.blocks[1:]:
            h = h + block(h)
        return self.out(h) * scale, h


def contrast(scores: Tensor, labels: npt.NDArray[np.int_], *, weight: float = 0.1) -> Tensor:
    return nn.cross_entropy(scores, labels) + weight * (scores**2).mean()


x = rng.uniform(-1, 1, (60, 2))
y = (x[:, 0] * x[:, 1] > 0).astype(int)
model = Pair()
reveal_type(model.blocks[0](x))  # Tensor
reveal_type(model(x))  # tuple[Tensor, Tensor]
reveal_type(model(x, scale=2.0)[0])  # Tensor
reveal_type(model.out(np.ones((3, 8))))  # Tensor
reveal_type(model.blocks[0].weights.grad)  # array | Any
reveal_type(model.eval())  # Pair
reveal_type(model.train().astype(np.float64))  # Pair
reveal_type(dict(model.named_parameters()))  # dict[str, Parameter]
reveal_type(model.state_dict())  # dict[str, array]
reveal_type(model.count_parameters())  # int
reveal_type(nn.LSTM(2, 3, rng=0)(np.ones((1, 4, 2))))  # tuple[Tensor, tuple[Tensor, Tensor]]
reveal_type(nn.GRU(2, 3, rng=0)(np.ones((1, 4, 2))))  # tuple[Tensor, Tensor]
reveal_type(nn.MLP([2, 4, 2], "tanh", nn.init.he(), rng=0)(x))  # Tensor

loss = Tensor(0.0)
optimizer = nn.SGD(model.parameters(), learning_rate=nn.schedules.cosine(0.1, steps=50), momentum=0.9)
for _epoch in range(2):
    for xs, ys in nn.minibatches(x, y, size=20, rng=rng):
        optimizer.zero_grad()
        scores, _ = model(xs)
        loss = contrast(scores, ys)
        reveal_type(loss)  # Tensor
        loss.backward()
        nn.clip_norm(model.parameters(), 1.0)
        optimizer.step()
reveal_type(loss.item())  # Any
reveal_type(nn.accuracy(model(x)[0], y))  # float
