"""
Estimators
==========

Which architecture? A grid search by cross-validation decides, and networks of nn take part in it as any estimator.

:Slides: Shallow versus Deep Neural Networks; Challenges and Key Techniques for Deep Learning
:Uses: `nn.estimators.MLPClassifier`, `nn.signals`
:Measured: Of 7 architectures cross-validation picks (128,), 97.4% right beside 96.2% without hidden layers; on 540 test
    images it is 97.2% right, scikit-learn's own pick (128,) 97.8%.
"""

import sys
import time
import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn import neural_network
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, StratifiedKFold, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

import nn.estimators

FAST = "--fast" in sys.argv  # seconds, with rougher numbers
ARCHITECTURES = [(), (8,), (64,)] if FAST else [(), (8,), (32,), (128,), (32, 32), (128, 128), (32, 32, 32)]
EPOCHS, FOLDS, EXAMPLES = (20, 3, 600) if FAST else (60, 5, 1797)
PACKAGES = {"nn": nn.estimators, "scikit-learn": neural_network}

# %%
# The search fits every architecture on the same folds of the training data, then the best one on all of it, once with
# `nn.estimators` and once with scikit-learn's own networks.

x, y = (array[:EXAMPLES] for array in load_digits(return_X_y=True))
x, x_test, y, y_test = train_test_split(x, y, test_size=0.3, random_state=0, stratify=y)


def search(package):
    mlp = package.MLPClassifier(max_iter=EPOCHS, learning_rate_init=0.005, batch_size=50, random_state=0)
    grid = {"mlpclassifier__hidden_layer_sizes": ARCHITECTURES}
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    return GridSearchCV(make_pipeline(StandardScaler(), mlp), grid, cv=folds).fit(x, y)


found, scores = {}, {}
with threadpool_limits(1), warnings.catch_warnings():
    warnings.simplefilter("ignore", ConvergenceWarning)  # to stop after so many epochs is part of the plan
    for name, package in PACKAGES.items():
        start = time.perf_counter()
        found[name] = search(package)
        print(f"{name:12s} {len(ARCHITECTURES) * FOLDS + 1} fits in {time.perf_counter() - start:.1f} s")
        scores[name] = np.array([found[name].cv_results_[f"split{i}_test_score"] for i in range(FOLDS)])
test = {name: grid.score(x_test, y_test) for name, grid in found.items()}

# %%
# The network that was picked is a module as any other, so its signals can be read.

best, picked = found["nn"].best_estimator_, found["nn"].best_index_
model = best[-1].model_
print(model, nn.signals(model, nn.cross_entropy, best[:-1].transform(x), y).findings[0], sep="\n")

_, axis = plt.subplots(figsize=(8, 4), layout="constrained")
for name, colour, marker, shift in (("nn", "#0072B2", "o", -0.12), ("scikit-learn", "#777777", "s", 0.12)):
    mean, spread = 100 * scores[name].mean(axis=0), 100 * scores[name].std(axis=0, ddof=1)
    style = {"color": colour, "fmt": marker, "capsize": 4, "markersize": 8}
    label = f"{name}: mean of {FOLDS} folds ± deviation"
    axis.errorbar(np.arange(len(mean)) + shift, mean, spread, **style, label=label)
axis.axvspan(
    picked - 0.4, picked + 0.4, color="#0072B2", alpha=0.12, label=f"nn's pick: {test['nn']:.1%} of test images right"
)
axis.set_xticks(range(len(mean)), ["none", *("-".join(map(str, sizes)) for sizes in ARCHITECTURES[1:])])
axis.set(xlabel="units of the hidden layers", ylabel="right in cross-validation, %")
axis.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, frameon=False)
plt.show()

# %%
linear, chosen = (scores["nn"][:, i].mean() for i in (0, picked))
noise = 2 * np.sqrt(2 * test["nn"] * (1 - test["nn"]) / len(y_test))  # two deviations of a difference of such shares
print(
    f"Of {len(ARCHITECTURES)} architectures cross-validation picks {ARCHITECTURES[picked]}, {chosen:.1%} right beside "
    f"{linear:.1%} without hidden layers; on {len(y_test)} test images it is {test['nn']:.1%} right, scikit-learn's "
    f"own pick {found['scikit-learn'].best_estimator_[-1].hidden_layer_sizes} {test['scikit-learn']:.1%}."
)
assert chosen > linear, "it picks none"
assert test["nn"] > test["scikit-learn"] - noise, "scikit-learn's networks are better"
