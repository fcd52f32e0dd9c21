"""Docstrings that are completed by those of a base class."""

import inspect

import nn
from nn.docstrings import described_by


class Base:
    """What all share.

    Parameters
    ----------
    a, b : int
        Both.
    *rest : int
        More,
        in two lines.
    unused : int
        Of another signature.

    Raises
    ------
    ValueError
        Always.
    """


def lines(cls):
    return cls.__doc__.splitlines()


def test_what_is_its_own_stays_and_the_rest_comes_in_the_order_of_the_signature():
    @described_by(Base)
    class Own(Base):
        r"""A formula, \eta.

        Parameters
        ----------
        b : float
            Its own.

        Examples
        --------
        >>> 1
        1
        """

        def __init__(self, b, a, *rest):
            pass

    told = lines(Own)
    assert told[:3] == [r"A formula, \eta.", "", "Parameters"]
    assert told[4:10] == ["b : float", "    Its own.", "a, b : int", "    Both.", "*rest : int", "    More,"]
    assert told[10:16] == ["    in two lines.", "", "Raises", "------", "ValueError", "    Always."]
    assert told[16:] == ["", "Examples", "--------", ">>> 1", "1"]


def test_nothing_is_made_up():
    @described_by(Base)
    class Other:
        """Alone."""

        def __init__(self, c):
            pass

    assert lines(Other) == ["Alone.", "", "Raises", "------", "ValueError", "    Always."]


def test_a_class_without_a_docstring_stays_without():
    class Stripped:
        pass

    assert described_by(Base)(Stripped).__doc__ is None


def test_help_tells_of_shared_parameters():
    for layer in (nn.GRU, nn.RNNCell):
        assert "d_in, units : int" in inspect.getdoc(layer)
    assert inspect.getdoc(nn.AdamW).count("weight_decay : float") == 1
