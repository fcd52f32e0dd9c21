"""
Perceptrons vote
================

AND, OR and NOT in one layer, smooth boundaries with enough of them, and XOR only in two layers.

:Slides: Linear Aggregation of Perceptrons; Logic Operations with Aggregation; Powerfulness and Limitation;
    Multi-Layer Perceptrons: Basic Neural Network
:Uses: `nn.Perceptron`, `nn.Aggregation`, `nn.perceptrons.AND`, `nn.perceptrons.OR`, `nn.perceptrons.NOT`,
    `nn.perceptrons.XOR`, `nn.perceptrons.convex`, `nn.perceptrons.learn`
:Measured: None of 531,441 single aggregations does XOR (3 of 4 points at best) and two layers do; 8 perceptrons
    disagree with a disc on 1.92% of the square around it, 16 on 0.46%.
"""

import itertools
import sys

import matplotlib.pyplot as plt
import numpy as np

import nn
from nn.lecture.perceptrons import AND, NOT, OR, XOR, convex, learn

FAST = "--fast" in sys.argv  # seconds, with rougher numbers
BLUE, ORANGE, GREY = "#0072B2", "#E69F00", "#999999"
SIDES = (8, 16)
radius = lambda u: np.ones(len(u))  # the target, the unit disc, reaches 1 in each direction u

# %%
# Two perceptrons that read one input each, and the four points that tell every function of them apart.

g1, g2 = nn.Perceptron([1, 0]), nn.Perceptron([0, 1])
points = np.array(list(itertools.product([-1, 1], [-1, 1])))
print(f"{'g1':>4}{'g2':>4} |{'NOT g1':>8}{'AND':>5}{'OR':>5}{'XOR':>5}")
truth = np.stack([G(points).data for G in (g1, g2, NOT(g1), AND(g1, g2), OR(g1, g2), XOR(g1, g2))], axis=1)
for row in truth.astype(int):
    print("{:4d}{:4d} |{:8d}{:5d}{:5d}{:5d}".format(*row))
a, b = points.T
logic_is_right = np.array_equal(truth.T, [a, b, -a, np.minimum(a, b), np.maximum(a, b), -a * b])

# %%
# XOR needs b - a1 - a2 < 0 and b + a1 + a2 < 0, so b < 0 by their sum; b - a1 + a2 > 0 and b + a1 - a2 > 0, so b > 0.
# No weights do both; here is every triple of a grid, and how many of the four points the best of them gets right.

grid = np.linspace(-2, 2, 21 if FAST else 81)
votes = np.stack(np.meshgrid(grid, grid, grid), axis=-1).reshape(-1, 3)  # b, a1, a2
right = np.sum(np.sign(votes @ np.column_stack([np.ones(4), points]).T) == -a * b, axis=1)
print(
    f"One aggregation of g1 and g2: {len(votes):,} weights tried, at best {right.max()} of 4 points of XOR are right."
)
for name, y in {"AND": AND(g1, g2)(points).data, "OR": OR(g1, g2)(points).data, "XOR": -a * b}.items():
    found = learn(points, y, updates=1000, rng=0)
    print(f"  a perceptron learns {np.sum(found(points).data == y)} of 4 points of {name}")

# %%
# Half-planes around a disc: where does their AND disagree with it? By geometry, on T tan(pi / T) - pi.

rng = np.random.default_rng(0)
sample = rng.uniform(-1.5, 1.5, (50_000 if FAST else 2_000_000, 2))
inside = np.where(np.sum(sample**2, axis=1) <= 1, 1, -1)
wrong = [np.mean(convex(radius, T)(sample).data != inside) for T in SIDES]
expected = [(T * np.tan(np.pi / T) - np.pi) / 9 for T in SIDES]
for T, found, area in zip(SIDES, wrong, expected, strict=True):
    print(f"  {T:2d} perceptrons disagree with the disc on {found:.2%} of the square, by geometry {area:.2%}")

figure, axes = plt.subplots(1, 3, figsize=(10, 3.9), layout="constrained")
side = np.linspace(-1.5, 1.5, 601)
square = np.stack(np.meshgrid(side, side), axis=-1)
disc = np.where(np.sum(square**2, axis=-1) <= 1, 1, -1)
turn = np.linspace(0, 2 * np.pi, 200)
regions = [XOR(nn.Perceptron([1, 2]), nn.Perceptron([2, -1])), *(convex(radius, T) for T in SIDES)]
titles = ["XOR of 2 perceptrons:\ntwo layers of AND and OR", *(f"AND of {T} perceptrons:\n" for T in SIDES)]
for axis, G, title, off in zip(axes, regions, titles, [None, *wrong], strict=True):
    value = G(square).data
    axis.contourf(side, side, value, [0, 2], colors=[BLUE], alpha=0.35)
    lines = G.parts if off is not None else G.parts[0].parts
    for g in lines:
        axis.contour(side, side, g(square).data, [0], colors=[GREY], linewidths=0.7)
    if off is None:
        for place in ((1, 0.4), (-0.4, 1), (-1, -0.4), (0.4, -1)):
            axis.text(*place, f"{G(place).data:+.0f}", ha="center", va="center", fontsize=13)
    else:
        axis.contourf(side, side, value != disc, [0.5, 1.5], colors=[ORANGE])
        axis.plot(np.cos(turn), np.sin(turn), color="black", linewidth=1)
        axis.text(0, 0, f"wrong on\n{off:.2%}", ha="center", va="center", fontsize=13)
    axis.set(title=title + ("the disc is the target" if off is not None else ""), aspect="equal", xticks=[], yticks=[])
plt.show()

# %%
print(
    f"None of {len(votes):,} single aggregations does XOR (3 of 4 points at best) and two layers do; 8 perceptrons "
    f"disagree with a disc on {wrong[0]:.2%} of the square around it, 16 on {wrong[1]:.2%}."
)
assert logic_is_right and right.max() == 3 and np.allclose(wrong, expected, rtol=0.1), "the numbers do not say so"
