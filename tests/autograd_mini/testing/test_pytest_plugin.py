"""The pytest plugin, as its users see it: each test runs pytest on files of theirs, in a process of its own."""

import re

import pytest

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.heavy

OPERATIONS = """
import numpy as np
from autograd_mini import primitive, rule

@primitive
def softsign(x):
    return x / (1 + np.abs(x))

rule(softsign, lambda g, _out, x: g / (1 + np.abs(x)){power})
"""

FIVE_LINES = """\
from autograd_mini.testing import arrays
from operations import softsign

def test_softsign(derivatives):
    derivatives.check(softsign, arrays(dtype=["float64", "float32"]), order=2)
"""

DECORATED = """
from hypothesis import given
from autograd_mini.testing import arrays
from operations import softsign

@given(arrays())
def test_softsign(derivatives, x):
    derivatives.check(softsign, x)
"""


@pytest.fixture
def run(pytester, monkeypatch):
    """Run pytest on the user's files, warnings being errors, with or without a profile in the environment."""

    def run(*args, variable=None):
        if variable is None:
            monkeypatch.delenv("AUTOGRAD_MINI_PROFILE", raising=False)
        else:
            monkeypatch.setenv("AUTOGRAD_MINI_PROFILE", variable)
        return pytester.runpytest_subprocess("-p", "no:cacheprovider", "-W", "error", *args)

    return run


def frames(result):
    """The files whose lines a traceback shows."""
    return {line.split(":")[0] for line in result.outlines if re.match(r"[\w./]+\.py:\d+: ", line)}


@pytest.mark.parametrize("test", [FIVE_LINES, DECORATED], ids=["five lines", "given"])
def test_right_rule_passes(pytester, run, test):
    pytester.makepyfile(operations=OPERATIONS.format(power=" ** 2"), test_user=test)
    run().assert_outcomes(passed=1)


@pytest.mark.parametrize("test", [FIVE_LINES, DECORATED], ids=["five lines", "given"])
def test_wrong_rule_fails_with_its_smallest_example_and_no_frames_of_the_library(pytester, run, test):
    pytester.makepyfile(operations=OPERATIONS.format(power=""), test_user=test)
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            ">       derivatives.check(softsign, *",
            "E *autograd_mini.testing.DerivativeError: softsign: wrong derivative by x: expected 0.25, got 0.5",
            "E *by        x = 1",
            "E *expected  0.25 *",
            "E *got       0.5",
            "E *a factor of 2.",
            "E *check_derivatives(softsign, np.array(1.0))",
            "test_user.py:*: DerivativeError",
        ]
    )
    assert frames(result) == {"test_user.py"}


def test_rule_that_is_wrong_at_second_order_only_fails(pytester, run):
    operations = OPERATIONS.replace("{power}", " ** 2 * stop_gradient(1 + x) / (1 + x)")
    pytester.makepyfile(
        operations=operations.replace("import primitive", "import stop_gradient, primitive"), test_user=FIVE_LINES
    )
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E *softsign: wrong derivative of order 2 by x: *"])


def test_error_of_the_users_function_is_shown_with_its_line(pytester, run):
    pytester.makepyfile(
        "def f(x):\n    raise KeyError('mine')\n\ndef test_f(derivatives):\n    derivatives.check(f, 1.0)"
    )
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([">*raise KeyError('mine')"])


def test_fixture_shows_its_profile(pytester, run):
    pytester.makepyfile("def test_shown(derivatives):\n    assert repr(derivatives) == '<derivatives, profile ci>'")
    run("--derivatives-profile=ci").assert_outcomes(passed=1)


def test_error_of_a_rule_is_told_with_the_operation_and_the_order(pytester, run):
    operations = OPERATIONS.replace("np.abs(x)){power}", "np.abs(np.asarray(x))) ** 2")
    pytester.makepyfile(operations=operations, test_user=FIVE_LINES)
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E *The rule of softsign *", "E *for the derivative of order 2 of softsign."])


def test_inconclusive_check_skips_with_its_reason(pytester, run):
    pytester.makepyfile(
        """
        import numpy as np
        from hypothesis import given, strategies as st

        def test_plain(derivatives):
            derivatives.check(np.log, -1.0)

        def test_drawn(derivatives):
            derivatives.check(np.log, st.floats(-2, -1))

        def test_drawn_from_time_to_time(derivatives):
            derivatives.check(np.log, st.sampled_from([-1.0, 1.0]))

        @given(st.sampled_from([-1.0, 1.0]))
        def test_given(derivatives, x):
            derivatives.check(np.log, x)
            assert x > 0

        def test_law(derivatives):
            derivatives.laws.pullback_is_linear(np.log, np.array([np.nan]))
        """
    )
    result = run("-rs")
    result.assert_outcomes(passed=2, skipped=3)
    result.stdout.fnmatch_lines(
        [
            "SKIPPED * The derivative of np.log could not be checked.",
            "* infinite, or not a number, at the point itself*",
        ]
    )


def test_modules_and_laws_fail_like_checks(pytester, run):
    pytester.makepyfile(
        operations=OPERATIONS.format(power="") + "\n@primitive\ndef bent(x):\n    return x * 1.0\n"
        "rule(bent, lambda g, _out, _x: np.abs(g))\n",
        test_user="""
        import numpy as np
        import nn
        from autograd_mini.testing import arrays
        from operations import bent, softsign

        class Layer(nn.Module):
            def __init__(self):
                super().__init__()
                self.gain = nn.Parameter(np.ones(2))
            def forward(self, x):
                return x * softsign(self.gain)

        def test_module(derivatives):
            derivatives.check_module(Layer(), (2,))

        def test_law(derivatives):
            derivatives.laws.pullback_is_linear(bent, arrays(min_side=1))
        """,
    )
    result = run()
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        ["E *by        gain[[]*", "E *the pullback is linear in the cotangent.", "E *laws.pullb*"]
    )
    assert frames(result) == {"test_user.py"}


def test_costs_nothing_until_used(pytester, run):
    pytester.makeconftest(
        """
        import sys

        def pytest_unconfigure(config):
            assert config.pluginmanager.hasplugin("autograd_mini")
            heavy = {"numpy", "hypothesis", "autograd_mini"} & set(sys.modules)
            print("imported:", sorted(heavy))
        """
    )
    pytester.makepyfile(
        test_none="def test_nothing():\n    pass",
        test_some="def test_some(derivatives):\n    derivatives.check(abs, 1.0)",
    )
    for args in ("--collect-only",), ("test_none.py",), ("test_some.py", "--setup-only"):
        run("-p", "no:hypothesispytest", *args).stdout.fnmatch_lines(["imported: []"])
    used = run("-p", "no:hypothesispytest", "test_some.py")
    used.assert_outcomes(passed=1)
    used.stdout.fnmatch_lines(["imported: *autograd_mini*numpy*"])
    assert "'hypothesis'" not in used.stdout.str()


SHOW_SETTINGS = """
import hypothesis
{load}

def pytest_collection_finish(session):
    for item in session.items:
        print(item.name, item.obj._hypothesis_internal_use_settings.max_examples)
"""
LOAD = "hypothesis.settings.register_profile('mine', max_examples=7)\nhypothesis.settings.load_profile('mine')"
THREE_TESTS = """
from hypothesis import given, settings, strategies as st

@given(st.floats())
def test_fixture(derivatives, x):
    pass

@settings(max_examples=3)
@given(st.floats())
def test_own_settings(derivatives, x):
    pass

@given(st.floats())
def test_without_fixture(x):
    pass
"""


@pytest.mark.parametrize(
    ("option", "variable", "load", "expected"),
    [
        ([], None, "", (25, 100)),
        (["--derivatives-profile=ci"], None, "", (200, 100)),
        ([], "thorough", "", (5000, 100)),
        (["--derivatives-profile=ci"], "thorough", "", (200, 100)),
        ([], None, LOAD, (7, 7)),
        (["--derivatives-profile=ci"], None, LOAD, (200, 7)),
    ],
    ids=["default", "option", "variable", "option and variable", "the user's own", "option and the user's own"],
)
def test_profile_is_that_of_tests_with_the_fixture(pytester, run, option, variable, load, expected):  # noqa: PLR0917
    pytester.makeconftest(SHOW_SETTINGS.format(load=load))
    pytester.makepyfile(THREE_TESTS)
    shown = run("--collect-only", "-q", *option, variable=variable).stdout.str()
    found = dict(line.split() for line in shown.splitlines() if line.startswith("test_") and ":" not in line)
    assert found == {
        "test_fixture": str(expected[0]),
        "test_own_settings": "3",
        "test_without_fixture": str(expected[1]),
    }


def test_profile_says_how_often_strategies_are_drawn_from(pytester, run):
    pytester.makepyfile(
        """
        from autograd_mini.testing import arrays

        def test_count(derivatives):
            drawn = []
            derivatives.check(lambda x: 2 * x, arrays(()).map(lambda x: drawn.append(x) or x))
            assert len(drawn) >= 20
            assert len({float(x) for x in drawn}) >= 10
        """
    )
    run().assert_outcomes(passed=1)


def test_unknown_profile_is_refused(pytester, run):
    pytester.makepyfile("def test_nothing(): pass")
    result = run("--derivatives-profile=slow")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--derivatives-profile names the profile 'slow'*quick, ci, thorough."])
    run(variable="fast").stderr.fnmatch_lines(["*$AUTOGRAD_MINI_PROFILE names the profile 'fast'*"])


def test_fixture_is_listed_with_what_it_does(pytester, run):
    pytester.makepyfile("def test_nothing(): pass")
    run("--fixtures").stdout.fnmatch_lines(["*derivatives.check(f, x)*"])


def test_a_search_for_a_smaller_example_that_takes_long_is_said_once_while_it_runs(pytester, run):
    pytester.makepyfile(operations=OPERATIONS.format(power=""), test_user=FIVE_LINES)
    pytester.makeconftest("import pytest_autograd_mini\n\npytest_autograd_mini.PATIENCE = -1.0")
    result = run()
    result.assert_outcomes(failed=1)
    said = "derivatives: a check failed; hypothesis is looking for a smaller example."
    assert result.errlines.count(said) == 1
