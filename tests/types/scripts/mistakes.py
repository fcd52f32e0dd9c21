"""What both checkers are to find, each in its line; it is never run."""

import numpy as np

import nn
from autograd_mini import Tensor, autodiff, grad, no_grad  # noqa: F401  # wrong

t = Tensor([1.0, 2.0], requires_grad=True)
t.sum(dim=1)  # wrong
t.numpy()  # wrong
t.exp()  # wrong
t.shape()  # wrong
np.mean(t)  # wrong
np.concatenate([t, t], axis=None).backward()  # wrong
nn.CrossEntropyLoss()  # wrong
nn.Linear(2)  # wrong
nn.Linear(2, 3, activation="tanh")  # wrong
nn.cross_entropy(t, [0, 1], weight=None)  # wrong
nn.SGD(nn.Linear(2, 3).parameters(), lr=0.1)  # wrong
nn.fit(nn.Linear(2, 3), nn.squared_error, (t, t), learning_rate=0.1)  # wrong
grad(t)  # wrong
grad(np.sin, wrt=0)  # wrong
nn.MLP([2, 3]).layer  # wrong
nn.MLP([2, 3])(t, t)  # wrong


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(2, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.frist(x)  # wrong


Net()([[1.0, 2.0]])  # wrong
Net()()  # wrong

with no_grad:  # wrong
    pass
