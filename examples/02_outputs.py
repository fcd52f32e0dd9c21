"""
A linear model at the output
============================

The score of the last layer is a linear model's: it is a number, or its sign a class, or its θ a probability.

:Slides: Neural Network Hypothesis: Output
:Uses: `nn.classify`, `nn.probabilities`, `nn.squared_error`, `nn.logistic_loss`, `nn.cross_entropy`,
    `nn.accuracy`, `nn.r2`
:Measured: In test s has R² 0.39 for diabetes, sign(s) 96.5% of tumours right, θ(s) 97.7%, and softmax 95.9% of digits;
    all within 2e-06 of what scikit-learn's linear models give.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import minimize
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

import nn
from autograd_mini import value_and_grad

precise = LogisticRegression(tol=1e-10, max_iter=10_000)
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#999999"

# %%
# A linear model is one layer of weights and a loss. Each loss here is convex, and L-BFGS finds the weights at its
# minimum with the gradient of `autograd_mini.value_and_grad`.


def split(load):
    """Training and test inputs, standardised by the training examples; training and test targets."""
    x, test_x, y, test_y = train_test_split(*load(return_X_y=True), test_size=0.3, random_state=0)
    scaler = StandardScaler().fit(x)
    return scaler.transform(x), scaler.transform(test_x), y, test_y


def scores_of(x, test_x, loss, targets, *, outputs=1, decay=0):
    """The scores of the test examples, by the weights at the minimum of the loss plus decay times their squares."""
    x, test_x = (np.column_stack([np.ones(len(rows)), rows]) for rows in (x, test_x))  # x_0 = 1

    def objective(flat):
        w = flat.reshape(-1, outputs)
        return loss(x @ w, targets) + decay * np.sum(w[1:] ** 2)

    start, options = np.zeros(x.shape[1] * outputs), {"maxiter": 10_000, "maxfun": 20_000, "ftol": 0, "gtol": 1e-9}
    found = minimize(value_and_grad(objective), start, jac=True, method="L-BFGS-B", options=options)
    return test_x @ found.x.reshape(-1, outputs)


# %%
# Linear regression takes the score as it is, linear classification its sign, logistic regression θ of it, and with one
# score for each of several classes softmax makes them probabilities. scikit-learn's models are beside each.

x, test_x, y, progression = split(load_diabetes)
line = scores_of(x, test_x, nn.squared_error, y[:, None])[:, 0]
theirs = LinearRegression().fit(x, y).predict(test_x)
r2, off = nn.r2(line, progression), [np.max(np.abs(line - theirs)) / np.std(theirs)]

x, test_x, y, benign = split(load_breast_cancer)
side = scores_of(x, test_x, nn.squared_error, 2 * y[:, None] - 1.0, decay=1 / len(x))[:, 0]
off.append(np.max(np.abs(side - RidgeClassifier(alpha=1).fit(x, y).decision_function(test_x))))
s = scores_of(x, test_x, nn.logistic_loss, y[:, None], decay=1 / (2 * len(x)))
off.append(np.max(np.abs(nn.probabilities(s).data[:, 0] - precise.fit(x, y).predict_proba(test_x)[:, 1])))
by_sign, by_theta = np.mean(nn.classify(side) == benign), nn.accuracy(s, benign)

x, test_x, y, digit = split(load_digits)
p = nn.probabilities(scores_of(x, test_x, nn.cross_entropy, y, outputs=10, decay=1 / (2 * len(x)))).data
by_softmax, off = nn.accuracy(p, digit), [*off, np.max(np.abs(p - precise.fit(x, y).predict_proba(test_x)))]

_, ((regression, classification), (logistic, softmax)) = plt.subplots(2, 2, figsize=(8.4, 6.8), layout="constrained")
regression.plot(line, progression, "o", color=BLUE, alpha=0.5, markersize=5)
regression.axline((150, 150), slope=1, color="black")
regression.set(title=f"s is the answer: R² = {r2:.2f}", xlabel="score s", ylabel="how far diabetes progressed")
logistic.plot(np.linspace(-9, 9), nn.probabilities(np.linspace(-9, 9)).data, color="black", linewidth=2)
logistic.text(0.8, 0.5, "θ(s), the probability\nthat it is benign", va="center")
for label, (name, colour) in enumerate([("malignant", ORANGE), ("benign", BLUE)]):
    classification.hist(side[benign == label], np.linspace(-2.4, 2.4, 33), color=colour, alpha=0.7)
    classification.text(2.4 * label - 1.2, 21, f"{name} tumours", color=colour, ha="center")
    logistic.plot(np.clip(s[benign == label], -9, 9), [1.2 * label - 0.1] * np.sum(benign == label), "|", color=colour)
    logistic.text(9 - 18 * label, 0.85 * label + 0.05, f"{name} tumours", color=colour, ha="left" if label else "right")
classification.axvline(0, color="black")
classification.set(title=f"sign(s) is the answer: {by_sign:.1%} right", xlabel="score s", ylim=(0, 23))
logistic.set(title=f"θ(s) is a probability: {by_theta:.1%} right", xlabel="score s", yticks=[0, 0.5, 1])
unsure = np.argmin(np.where(p.argmax(axis=1) == digit, p.max(axis=1), 1))  # the least certain of those that are right
softmax.bar(range(10), p[unsure], color=[BLUE if k == digit[unsure] else GREY for k in range(10)])
image = train_test_split(load_digits().images, test_size=0.3, random_state=0)[1][unsure]
softmax.inset_axes([0.03, 0.5, 0.35, 0.45], xticks=[], yticks=[]).imshow(image, cmap="gray_r")
softmax.set(title=f"softmax of ten scores: {by_softmax:.1%} right", xticks=range(10), xlabel="class", ylim=(0, 0.8))
plt.show()

# %%
print(
    f"In test s has R² {r2:.2f} for diabetes, sign(s) {by_sign:.1%} of tumours right, θ(s) {by_theta:.1%}, and softmax "
    f"{by_softmax:.1%} of digits; all within {max(off):.0e} of what scikit-learn's linear models give."
)
assert max(off) < 1e-4 and min(by_sign, by_theta, by_softmax) > 0.9, "the numbers do not say so"
