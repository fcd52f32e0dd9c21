"""Which architecture? A grid search by cross-validation decides, and networks of nn take part in it as any estimator.

Slides: Shallow versus Deep Neural Networks; Challenges and Key Techniques for Deep Learning
Lives in: nn.estimators.MLPClassifier, nn.signals
"""

import time
import warnings

import matplotlib.pyplot as plt
import numpy as np
from gallery import claim, fast, save
from sklearn import neural_network
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, StratifiedKFold, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

import nn.estimators

BLUE, GREY = "#0072B2", "#999999"
ARCHITECTURES = [(), (8,), (32,), (128,), (32, 32), (128, 128), (32, 32, 32)]
if fast():
    ARCHITECTURES = [(), (8,), (64,)]
EPOCHS, FOLDS, EXAMPLES = (20, 3, 600) if fast() else (60, 5, 1797)

x, y = load_digits(return_X_y=True)
x, x_test, y, y_test = train_test_split(
    x[:EXAMPLES], y[:EXAMPLES], test_size=0.3, random_state=0, stratify=y[:EXAMPLES]
)


def search(package):
    """Every architecture on the same folds; then the best one on all training data."""
    mlp = package.MLPClassifier(max_iter=EPOCHS, learning_rate_init=0.005, batch_size=50, random_state=0)
    grid = {"mlpclassifier__hidden_layer_sizes": ARCHITECTURES}
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    return GridSearchCV(make_pipeline(StandardScaler(), mlp), grid, cv=folds).fit(x, y)


warnings.simplefilter("ignore", ConvergenceWarning)  # to stop after so many epochs is part of the plan
found = {}
with threadpool_limits(1):
    for name, package in (("scikit-learn", neural_network), ("nn", nn.estimators)):
        start = time.perf_counter()
        found[name] = search(package)
        print(f"{name:12s} {len(ARCHITECTURES) * FOLDS + 1} fits in {time.perf_counter() - start:.1f} s")

scores = {
    name: np.array([grid.cv_results_[f"split{i}_test_score"] for i in range(FOLDS)]) for name, grid in found.items()
}
for i, sizes in enumerate(ARCHITECTURES):
    shown = (f"{name} {s[:, i].mean():.3f} +- {s[:, i].std(ddof=1):.3f}" for name, s in scores.items())
    print(f"  {sizes!s:14s}", "   ".join(shown))

best = found["nn"].best_estimator_
test = {name: grid.score(x_test, y_test) for name, grid in found.items()}
model = best[-1].model_  # a module as any other
print(model, nn.signals(model, nn.cross_entropy, best[:-1].transform(x), y).findings[0], sep="\n")

figure, axis = plt.subplots(figsize=(8, 4.6), layout="constrained")
places = np.arange(len(ARCHITECTURES))
for name, colour, marker, shift in (("scikit-learn", GREY, "s", 0.12), ("nn", BLUE, "o", -0.12)):
    mean, spread = 100 * scores[name].mean(axis=0), 100 * scores[name].std(axis=0, ddof=1)
    axis.errorbar(
        places + shift,
        mean,
        spread,
        color=colour,
        fmt=marker,
        capsize=4,
        markersize=7,
        label=f"{name} (mean and deviation of {FOLDS} folds)",
    )
picked = found["nn"].best_index_
top = max(100 * (s.mean(axis=0) + s.std(axis=0, ddof=1))[picked] for s in scores.values())
note = f"picked: {test['nn']:.1%} of\nthe test data right"
axis.annotate(note, (picked, top), (0, 8), textcoords="offset points", ha="center", va="bottom", color=BLUE)
axis.set_xticks(places, ["none", *("-".join(map(str, sizes)) for sizes in ARCHITECTURES[1:])])
axis.set(xlabel="hidden layers", ylabel=f"right in {FOLDS}-fold cross-validation, %")
axis.set_title("One wide hidden layer is enough for the digits, say the networks of both libraries", loc="left", pad=40)
axis.legend(loc="lower right", frameon=False)
axis.spines[["top", "right"]].set_visible(False)
save(figure, __file__)

linear, chosen = (scores["nn"][:, i].mean() for i in (0, picked))
noise = 2 * np.sqrt(2 * test["nn"] * (1 - test["nn"]) / len(y_test))  # two deviations of a difference of such shares
claim(
    chosen > linear and test["nn"] > test["scikit-learn"] - noise,
    f"Of {len(ARCHITECTURES)} architectures cross-validation picks {ARCHITECTURES[picked]}, {chosen:.1%} right beside "
    f"{linear:.1%} without hidden layers; on {len(y_test)} test images it is {test['nn']:.1%} right, scikit-learn's "
    f"own pick {found['scikit-learn'].best_estimator_[-1].hidden_layer_sizes} {test['scikit-learn']:.1%}.",
)
