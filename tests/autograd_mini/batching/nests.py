"""Random nests of `vmap` with the derivatives, and the same with loops over the examples and over the entries."""

import numpy as np

from autograd_mini import Tensor, checkpoint, grad, hessian, hvp, jacobian, jvp, vjp, vmap

SIZE = 2
UNITS = np.eye(SIZE)


def loop(f):
    """What `vmap(f)` stands for, of functions that return an array, or a tuple of them as pullbacks do."""

    def looped(xs):
        results = [f(xs[i]) for i in range(xs.shape[0])]
        if isinstance(results[0], tuple):
            return tuple(np.stack(column) for column in zip(*results, strict=True))
        return np.stack(results)

    return looped


def rows(f, mode):
    """What `jacobian(f)` stands for: the gradient of each entry."""
    return lambda x: np.stack([grad(lambda y, unit=unit: np.sum(f(y) * unit))(x) for unit in UNITS])


def second_rows(f):
    """What `hessian(f)` stands for."""
    return rows(grad(f), None)


class Nest:
    """One drawn function of a vector and of another that stays outside, to be built twice: batched and looped."""

    def __init__(self, seed):
        rng = np.random.default_rng(seed)
        self.matrix = rng.standard_normal((SIZE, SIZE))
        self.data = rng.standard_normal((2, SIZE))
        self.x, self.other = rng.standard_normal((2, SIZE))
        self.choices = iter(rng.integers(0, 2**31, 64).tolist())
        self.depth = int(rng.choice([1, 2, 3], p=[0.45, 0.45, 0.1]))
        self.end = int(rng.integers(0, 5))
        self.plan = self.drawn(self.depth)

    def drawn(self, depth):
        kind, a, b = (next(self.choices) for _ in range(3))
        if not depth:
            return (None, kind % 6, bool(a % 2))
        return (kind % 10, bool(a % 2), ("reverse", "forward")[b % 2], self.drawn(depth - 1))

    def base(self, kind, closes):
        """A vector to a number."""
        m, weights = self.matrix, np.arange(1.0, 1 + SIZE)

        def f(x, o):
            y = m @ x if kind < 3 else x * m[0]
            if kind == 1:
                y = np.where(y > 0, y * y, np.sin(y))
            elif kind == 2:
                y = np.concatenate([y[1:], y[:1]]) * x
            elif kind == 4:
                y = np.exp(-y * y) + y[0]
            elif kind == 5:
                y = np.sort(y) / (1 + np.sum(y * y))
            y = y * o if closes else y
            return np.sum(np.tanh(y) * weights)

        return f

    def build(self, plan, v, j, h):
        """The function of a plan, with `v` for vmap, `j` for the Jacobian and `h` for the Hessian."""
        if plan[0] is None:
            return self.base(*plan[1:])
        kind, closes, mode, below = plan
        inner, data, m = self.build(below, v, j, h), self.data, self.matrix
        if kind == 0:
            return lambda x, o: np.sum(np.sin(v(lambda d: inner(d * x, o if closes else x))(data)))
        if kind == 1:
            return lambda x, o: np.sum(grad(lambda y: inner(y, x if closes else o))(x) ** 2)
        if kind == 2:
            return lambda x, o: np.sum(v(lambda d: grad(lambda y: inner(y * d, x))(x if closes else d))(data) ** 2)
        if kind == 3:
            return lambda x, o: np.sum(j(lambda y: np.tanh(m @ y) * inner(y, x), mode)(x) * m)
        if kind == 4:
            return lambda x, o: np.sum(v(lambda d: np.sum(j(lambda y: y * inner(y + d, o), mode)(x) * m))(data))
        if kind == 5:
            return lambda x, o: inner(x, v(lambda d: inner(d, x))(np.stack([x * o, o])))
        if kind == 6:
            return lambda x, o: jvp(lambda y: inner(y, o if closes else x), (x,), (m[1],))[1]
        if kind == 7:
            return lambda x, o: np.sum(hvp(lambda y: inner(y, x))(o if closes else x, m[1]) * m[0])
        if kind == 8:
            return lambda x, o: np.sum(v(checkpoint(lambda d: Tensor(1.0) * inner(d, x) * o))(data))
        return lambda x, o: np.sum(v(vjp(lambda y: np.tanh(m @ y) * inner(y, o), x)[1])(np.tanh(data * o))[0] * data)

    def value(self, v, j, h):
        """What is compared."""
        f = self.build(self.plan, v, j, h)
        if self.end == 0:
            return grad(f)(self.x, self.other)
        if self.end == 1:
            return grad(f, 1)(self.x, self.other)
        if self.end == 2:
            return v(lambda d: grad(f)(d, self.other))(self.data)
        if self.end == 3:
            return j(lambda o: grad(f, 1)(self.x, self.x * o), "forward" if self.depth % 2 else "reverse")(self.other)
        return h(lambda x: f(x, self.other))(self.x)

    def batched(self):
        return self.value(vmap, lambda f, mode: jacobian(f, mode=mode), hessian)

    def looped(self):
        return self.value(loop, rows, second_rows)
