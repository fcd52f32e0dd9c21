"""Regularisation by corruption: dropout of units and channels, noise and masks for inputs. Active in training alone."""

from __future__ import annotations

from typing import Any

from autograd_mini import Tensor
from autograd_mini import numpy as np
from nn.checks import as_input, is_number, positive
from nn.docstrings import described_by
from nn.module import Module
from nn.noise import kept, masked, noisy

SHARE = "{name}({share}): the share that is set to zero is in [0, 1)."
CHANNELS = (
    "{title} was given an input of shape {got}, which has no channels. Write it for inputs (examples, "
    "channels, ...), and `Dropout` for single units."
)


class Corruption(Module):
    """What the modules here have in common: a generator of their own, and nothing done in evaluation mode.

    Parameters
    ----------
    share : float
        The probability of zero, in [0, 1).
    rng : int or numpy.random.Generator, optional
        Where the choices come from.
    """

    def __init__(self, rng: int | np.random.Generator | None) -> None:
        super().__init__()
        self.rng = np.random.default_rng(rng)

    def forward(self, x: Any) -> Tensor:
        x = as_input(x)
        return self.corrupt(x) if self.training else x

    def corrupt(self, x: Any) -> Any:
        """What becomes of x in training."""
        raise NotImplementedError


@described_by(Corruption)
class Dropout(Corruption):
    r"""Each unit 0 with probability `share`, else divided by 1 - share, so that the mean is kept ("inverted").

    The lecture's "tolerant when network corrupted" (Srivastava et al. 2014, *Dropout*). In evaluation mode the input
    passes unchanged.

    Raises
    ------
    ValueError
        If the share is not in [0, 1).

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> layer = nn.Dropout(0.5, rng=0)
    >>> layer(np.ones(6))
    array([2., 2., 2., 0., 0., 0.])
    >>> layer.eval()(np.ones(6))
    array([1., 1., 1., 1., 1., 1.])
    """

    def __init__(self, share: float = 0.5, rng: int | np.random.Generator | None = None) -> None:
        super().__init__(rng)
        self.share = checked_share(type(self).__name__, share)

    def corrupt(self, x: Any) -> Any:
        if not self.share:
            return x
        return x * (kept(x, self.mask_shape(x), self.share, self.rng).astype(x.dtype) / (1 - self.share))

    def mask_shape(self, x: Any) -> tuple[int, ...]:
        """The shape of what is drawn: one number for each unit."""
        shape: tuple[int, ...] = x.shape
        return shape

    def describe(self) -> str:
        return str(self.share)


@described_by(Corruption)
class ChannelDropout(Dropout):
    r"""Whole channels of each example 0 with probability `share`, else divided by 1 - share.

    Neighbouring pixels of a feature map say nearly the same, so that dropping single ones hides nothing (Tompson et al.
    2015, *Efficient Object Localization Using Convolutional Networks*).

    Raises
    ------
    ValueError
        If the input is not (examples, channels, ...).

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> nn.ChannelDropout(0.5, rng=0)(np.ones((1, 4, 2)))[0, :, 0]
    array([2., 2., 2., 0.])
    """

    def mask_shape(self, x: Any) -> tuple[int, ...]:
        """One number for each channel of each example."""
        if x.ndim < 3:
            raise ValueError(CHANNELS.format(title=self._title(), got=x.shape))
        return (*x.shape[:2], *[1] * (x.ndim - 2))


@described_by(Corruption)
class GaussianNoise(Corruption):
    r"""x + std * z with standard normal z: the lecture's "tolerant when input corrupted".

    Parameters
    ----------
    std : float
        The standard deviation of the noise.

    Raises
    ------
    ValueError
        If the standard deviation is negative.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> noise = nn.GaussianNoise(0.1, rng=0)
    >>> noise(np.ones(3)).round(2), noise.eval()(np.ones(3))
    (array([1.01, 0.99, 1.06]), array([1., 1., 1.]))
    """

    def __init__(self, std: float, rng: int | np.random.Generator | None = None) -> None:
        super().__init__(rng)
        self.std = positive("GaussianNoise", "std", std, zero=True)

    def corrupt(self, x: Any) -> Any:
        return noisy(x, self.std, self.rng)

    def describe(self) -> str:
        return f"std={self.std}"


@described_by(Corruption)
class Masking(Corruption):
    r"""Each entry 0 with probability `share`, else as it is: the corruption of a denoising autoencoder.

    (Vincent et al. 2008, *Extracting and Composing Robust Features with Denoising Autoencoders*.)

    Raises
    ------
    ValueError
        If the share is not in [0, 1).

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> nn.Masking(0.5, rng=0)(np.ones(6))
    array([1., 1., 1., 0., 0., 0.])
    """

    def __init__(self, share: float, rng: int | np.random.Generator | None = None) -> None:
        super().__init__(rng)
        self.share = checked_share("Masking", share)

    def corrupt(self, x: Any) -> Any:
        return masked(x, self.share, self.rng)

    def describe(self) -> str:
        return str(self.share)


def checked_share(name: str, share: float) -> float:
    """`share`, or an error if it is not in [0, 1)."""
    if not (is_number(share) and 0 <= share < 1):
        raise ValueError(SHARE.format(name=name, share=repr(share)))
    return share
