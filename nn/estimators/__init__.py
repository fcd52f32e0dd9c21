"""`MLPClassifier` and `MLPRegressor`: networks as scikit-learn estimators, for its pipelines and searches.

They hold no mathematics: the network, the loss, the optimizer and the training are nn's. scikit-learn is imported here
and nowhere else in nn, so `import nn` does not import this.
"""

try:
    import sklearn  # noqa: F401
except ImportError as error:
    raise ImportError('nn.estimators needs scikit-learn. Write `pip install "autograd-mini[sklearn]"`.') from error

from nn.estimators.classifier import MLPClassifier
from nn.estimators.regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor"]
