"""Estimators of scikit-learn's kind."""

from typing import reveal_type

import numpy as np

from nn.estimators import MLPClassifier, MLPRegressor

rng = np.random.default_rng(0)
x = rng.standard_normal((60, 3))
y = x.sum(axis=1)

regressor = MLPRegressor(hidden_layer_sizes=(8,), max_iter=20, tol=1.0, random_state=0).fit(x, y)
reveal_type(regressor)  # MLPRegressor
reveal_type(regressor.predict(x))  # array
classifier = MLPClassifier(hidden_layer_sizes=(8,), max_iter=20, tol=1.0, random_state=0).fit(x, y > 0)
reveal_type(classifier.predict(x))  # array
reveal_type(classifier.predict_proba(x))  # array
