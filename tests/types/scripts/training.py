"""A training by `fit`, with validation, metrics, callbacks and a loader; signals; estimators."""

from typing import reveal_type

import numpy as np
import numpy.typing as npt

import nn
from autograd_mini import Tensor, compile

rng = np.random.default_rng(0)
x = rng.uniform(-1, 1, (120, 2)).astype(np.float32)
y = (x[:, 0] * x[:, 1] > 0).astype(int)


def margin(output: Tensor, target: npt.NDArray[np.int_]) -> float:
    return float((output[:, 1] - output[:, 0]).mean())


def shout(run: nn.Training) -> None:
    if run.history.epochs > 3:
        run.stop("enough")


model = nn.MLP([2, 16, 2], activation=nn.PReLU(units=16), init="he", rng=0)
history = nn.fit(
    model,
    nn.cross_entropy,
    (x[:100], y[:100]),
    validation=(x[100:], y[100:]),
    metrics=[nn.accuracy, margin],
    optimizer=nn.Adam(model.parameters(), learning_rate=0.01),
    epochs=2,
    callbacks=[nn.EarlyStopping(patience=5), shout],
    progress=False,
)
reveal_type(history)  # History
reveal_type(history["loss"])  # array
loader = nn.DataLoader(x, y, batch_size=20, shuffle=True, rng=0)
nn.fit(model, nn.cross_entropy, loader, optimizer=lambda parameters: nn.SGD(parameters, 0.1), epochs=1, progress=False)
for xs, ys in loader:
    reveal_type(nn.cross_entropy(model(xs), ys))  # Tensor
reveal_type(nn.evaluate(model, nn.cross_entropy, (x, y), metrics={"right": nn.accuracy}))  # dict[str, float]
reveal_type(nn.squared_error(model(x), np.zeros((120, 2)), reduction="none"))  # Tensor
reveal_type(nn.probabilities(model(x)))  # Tensor
reveal_type(nn.classify(model(x)))  # array

seen = nn.signals(model, nn.cross_entropy, x, y)
reveal_type(seen.findings)  # tuple[str, ...]
reveal_type(seen.table())  # array
print(seen.findings[0])


optimizer = nn.Adam(model.parameters(), 0.01)


@compile(model, optimizer)
def step(x: npt.NDArray[np.float32], y: npt.NDArray[np.int_]) -> Tensor:
    optimizer.zero_grad()
    loss = nn.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
    return loss


for _ in range(4):
    reveal_type(step(x, y))  # Tensor
reveal_type(step.source)  # str
