"""The output of a network is a linear model: its score is a number, or decides a class, or gives a probability.

Slides: Neural Network Hypothesis: Output
Lives in: nn.classify, nn.probabilities, nn.squared_error, nn.logistic_loss, nn.cross_entropy, nn.accuracy, nn.r2
"""

from collections.abc import Callable
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from gallery import claim, save
from scipy.optimize import minimize
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

import nn
from autograd_mini import value_and_grad

BLUE, ORANGE, GREY = "#0072B2", "#E69F00", "#666666"
Array = np.ndarray[Any, Any]


def split(load: Callable[..., Any]) -> list[Array]:
    """Training and test inputs, standardised by the training examples; training and test targets."""
    x, y = load(return_X_y=True)
    train_x, test_x, train_y, test_y = train_test_split(x, y, test_size=0.3, random_state=0)
    scaler = StandardScaler().fit(train_x)
    return [scaler.transform(train_x), scaler.transform(test_x), train_y, test_y]


def scores_of(data: list[Array], loss: Any, targets: Array, outputs: int = 1, decay: float = 0) -> Array:
    """The scores of the test examples, by the weights at the minimum of the loss plus decay times their squares."""
    x, test_x = (np.column_stack([np.ones(len(rows)), rows]) for rows in data[:2])  # x_0 = 1

    def objective(flat: Any) -> Any:
        w = flat.reshape(-1, outputs)
        return loss(x @ w, targets) + decay * np.sum(w[1:] ** 2)

    options = {"maxiter": 10_000, "maxfun": 20_000, "ftol": 0, "gtol": 1e-9}
    found = minimize(
        value_and_grad(objective), np.zeros(x.shape[1] * outputs), jac=True, method="L-BFGS-B", options=options
    )
    return test_x @ found.x.reshape(-1, outputs)


figure, axes = plt.subplots(2, 2, figsize=(10, 7.5), layout="constrained")
regression, classification, logistic, multiple = axes.flat

# Linear regression: h(x) = s.
data = split(load_diabetes)
s = scores_of(data, nn.squared_error, data[2][:, None])
theirs = LinearRegression().fit(data[0], data[2]).predict(data[1])
r2, off = nn.r2(s[:, 0], data[3]), [np.max(np.abs(s[:, 0] - theirs)) / np.std(theirs)]
regression.plot(s, data[3], "o", color=BLUE, alpha=0.5, markersize=4)
regression.axline((150, 150), slope=1, color="black", linewidth=1)
regression.set(title=f"linear regression h = s: R² = {r2:.2f}", xlabel="score s", ylabel="progression of diabetes")

# Linear classification: h(x) = sign(s), here with squared error to -1 and +1.
data = split(load_breast_cancer)
s = scores_of(data, nn.squared_error, 2 * data[2][:, None] - 1.0, decay=1 / len(data[0]))
theirs = RidgeClassifier(alpha=1).fit(data[0], data[2]).decision_function(data[1])
by_sign, off = np.mean(nn.classify(s) == data[3]), [*off, np.max(np.abs(s[:, 0] - theirs))]
bins = np.linspace(s.min(), s.max(), 31)
for label, (name, colour) in enumerate([("malignant", ORANGE), ("benign", BLUE)]):
    classification.hist(s[data[3] == label, 0], bins, color=colour, alpha=0.7, label=name)
classification.axvline(0, color="black", linewidth=1)
classification.set(title=f"linear classification h = sign(s): {by_sign:.1%} right", xlabel="score s", ylabel="tumours")
classification.legend(frameon=False, loc="upper left")

# Logistic regression: h(x) = theta(s).
s = scores_of(data, nn.logistic_loss, data[2][:, None], decay=1 / (2 * len(data[0])))
theirs = LogisticRegression(tol=1e-10, max_iter=10_000).fit(data[0], data[2]).predict_proba(data[1])[:, 1:]
by_theta, off = nn.accuracy(s, data[3]), [*off, np.max(np.abs(nn.probabilities(s).data - theirs))]
line = np.linspace(-9, 9, 200)
logistic.plot(line, nn.probabilities(line).data, color="black", linewidth=1)
logistic.plot(
    s, data[3] + np.random.default_rng(0).uniform(-0.04, 0.04, len(s)), "o", color=BLUE, alpha=0.4, markersize=4
)
logistic.set(title=f"logistic regression h = θ(s): {by_theta:.1%} right", xlabel="score s", xlim=(-9, 9))
logistic.set(ylabel="probability of benign; 0 and 1 are the tumours")

# Several classes: the softmax of one score for each.
data = split(load_digits)
s = scores_of(data, nn.cross_entropy, data[2], outputs=10, decay=1 / (2 * len(data[0])))
theirs = LogisticRegression(tol=1e-10, max_iter=10_000).fit(data[0], data[2]).predict_proba(data[1])
p = nn.probabilities(s).data
by_softmax, off = nn.accuracy(s, data[3]), [*off, np.max(np.abs(p - theirs))]
image = multiple.imshow([p[data[3] == digit].mean(axis=0) for digit in range(10)], cmap="viridis", vmin=0, vmax=1)
multiple.set(title=f"softmax of 10 scores: {by_softmax:.1%} right", xlabel="class", ylabel="digit", xticks=range(10))
figure.colorbar(image, ax=multiple, label="mean probability")
save(figure, __file__)
claim(
    max(off) < 1e-4 and min(by_sign, by_theta, by_softmax) > 0.9,
    f"In test s has R² {r2:.2f} for diabetes, sign(s) {by_sign:.1%} of tumours right, θ(s) {by_theta:.1%}, and softmax "
    f"{by_softmax:.1%} of digits; all within {max(off):.0e} of what scikit-learn's linear models give.",
)
