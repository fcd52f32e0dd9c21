"""A pytest plugin: the fixture `derivatives`, and how many examples it tries (`--derivatives-profile`).

pytest imports this module in every run, so it imports neither the library nor NumPy nor hypothesis before a test asks.
"""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

if TYPE_CHECKING:
    import hypothesis

__all__ = ["Derivatives", "derivatives"]

VARIABLE = "AUTOGRAD_MINI_PROFILE"
UNKNOWN = "{source} names the profile {name!r}, which does not exist. Write one of: {names}."
MANY_INCONCLUSIVE = "{count} examples were left out, since the numbers could not tell. The last one:\n{last}"
PATIENCE = 1.0  # seconds without a word
SHRINKING = "\nderivatives: a check failed; hypothesis is looking for a smaller example."
AUTOMATIC = {"default", "ci"}  # profiles that hypothesis loads without being asked


class Profile(NamedTuple):
    """How thoroughly to look: examples drawn by hypothesis, and whether they are the same in each run."""

    examples: int
    repeatable: bool


PROFILES = {"quick": Profile(25, True), "ci": Profile(200, True), "thorough": Profile(5000, False)}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that selects a profile."""
    parser.getgroup("autograd_mini", "derivatives (autograd_mini)").addoption(
        "--derivatives-profile",
        metavar="NAME",
        help=f"how many examples tests with the fixture `derivatives` try: "
        f"{', '.join(f'{name} ({profile.examples})' for name, profile in PROFILES.items())}; "
        f"by default that in ${VARIABLE}, or quick",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Refuse a profile that does not exist before any test runs."""
    source, name = selected(config)
    if name not in PROFILES:
        raise pytest.UsageError(UNKNOWN.format(source=source, name=name, names=", ".join(PROFILES)))


def selected(config: pytest.Config) -> tuple[str, str]:
    """Who selects the profile, and its name."""
    option = config.getoption("--derivatives-profile")
    if option is not None:
        return "--derivatives-profile", option
    return (f"${VARIABLE}", os.environ[VARIABLE]) if os.environ.get(VARIABLE) else ("", "quick")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give tests that are decorated with `@given` and use the fixture the settings of the profile."""
    given = sys.modules.get("hypothesis")
    if given is None:
        return
    for item in items:
        test = getattr(item, "obj", None)
        if "derivatives" in getattr(item, "fixturenames", ()) and given.is_hypothesis_test(test):
            settings = settings_for(config)
            with contextlib.suppress(given.errors.InvalidArgument):  # the test has settings of its own
                if settings is not None:
                    settings(getattr(test, "__func__", test))


def settings_for(config: pytest.Config) -> hypothesis.settings | None:
    """The profile's settings; None if nobody selected one here, but a user has loaded a profile of hypothesis."""
    from hypothesis import settings

    for name in PROFILES:
        registered(name)
    source, name = selected(config)
    loaded = getattr(settings, "_current_profile", None)
    if not source and loaded not in {None, *AUTOMATIC}:
        return None
    return settings.get_profile(f"derivatives-{name}")


def registered(name: str) -> None:
    """Register a profile, unless its user has registered another one under that name."""
    from hypothesis import HealthCheck, settings
    from hypothesis.errors import InvalidArgument

    try:
        settings.get_profile(f"derivatives-{name}")
    except InvalidArgument:
        profile = PROFILES[name]
        settings.register_profile(
            f"derivatives-{name}",
            parent=settings.default,
            max_examples=profile.examples,
            derandomize=profile.repeatable,
            database=None,  # the message of a failure holds the example
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        )


@pytest.fixture(scope="session")
def derivatives(pytestconfig: pytest.Config) -> Derivatives:
    """Checks of derivatives: `derivatives.check(f, x)`, `.check_module(module, inputs)` and `.laws.all_for(f, x)`.

    A hypothesis strategy in the place of an argument is drawn from, as many times as the profile says.
    """
    return Derivatives(pytestconfig)


class Derivatives:
    """What the fixture `derivatives` offers."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def __repr__(self) -> str:
        return f"<derivatives, profile {selected(self._config)[1]}>"

    def check(self, f: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """Check the derivatives of `f`: `autograd_mini.testing.check_derivatives`, of drawn arguments too.

        Where the numbers cannot tell, the test is skipped with the reason; in a test with `@given`, the example is.

        Parameters
        ----------
        f : callable
            The function.
        *args : array_like, Tensor, containers of them, or hypothesis strategies for them
            Where to check.
        **options
            Those of `check_derivatives`: `order`, `gradient`, `seed` and others.

        Returns
        -------
        Report or None
            None if arguments were drawn.

        Raises
        ------
        DerivativeError
            If a derivative is wrong.
        """
        __tracebackhide__ = True
        from autograd_mini.testing import check_derivatives

        return self._ask(check_derivatives, (f, *args), options)

    def check_module(self, module: Any, inputs: Any = None, **options: Any) -> Any:
        """Check the derivatives of a module: `autograd_mini.testing.check_module`."""
        __tracebackhide__ = True
        from autograd_mini.testing import check_module

        return self._ask(check_module, (module, inputs), options)

    @property
    def laws(self) -> Laws:
        """The laws of `autograd_mini.testing.laws`, of drawn arguments too."""
        return Laws(self)

    def _ask(self, check: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        __tracebackhide__ = True
        if drawn_from(args):
            return self._draw(check, args, options)
        return answered(check, args, options)

    def _draw(self, check: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]) -> None:
        __tracebackhide__ = True
        from hypothesis import Phase, Verbosity, given, reject, settings
        from hypothesis import strategies as st
        from hypothesis.errors import FailedHealthCheck, Unsatisfiable

        from autograd_mini.testing import DerivativeError, InconclusiveError

        strategies = st.tuples(*(arg if isinstance(arg, st.SearchStrategy) else st.just(arg) for arg in args))
        told: list[str] = []
        conclusive = 0
        outcome: BaseException | None = None
        failing: float | None = None  # since when

        def examples(drawn: tuple[Any, ...]) -> None:
            nonlocal conclusive, failing
            if failing is not None and time.monotonic() - failing > PATIENCE:
                failing = float("inf")  # once is enough
                self._say(SHRINKING)
            try:
                check(*drawn, **options)
            except InconclusiveError as error:
                told.append(str(error))
                reject()
            except DerivativeError:
                failing = time.monotonic() if failing is None else failing
                raise
            conclusive += 1

        chosen = settings_for(self._config) or settings()
        phases = [phase for phase in chosen.phases if phase is not Phase.explain]
        quiet = settings(chosen, phases=phases, verbosity=Verbosity.quiet)  # the message says what there is to say
        try:
            quiet(given(strategies)(examples))()
        except DerivativeError as error:
            outcome = cleared(error)
        except (Unsatisfiable, FailedHealthCheck) as error:
            if told and not conclusive:
                pytest.skip(told[-1])
            if told:
                error.add_note(MANY_INCONCLUSIVE.format(count=len(told), last=told[-1]))
            raise
        if outcome is not None:
            raise outcome

    def _say(self, line: str) -> None:
        """Write a line that is seen while the test runs."""
        capture = self._config.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
            print(line, file=sys.stderr, flush=True)


class Laws:
    """`autograd_mini.testing.laws`, with the fixture's way to answer."""

    def __init__(self, owner: Derivatives) -> None:
        self._owner = owner

    def __repr__(self) -> str:
        return "<derivatives.laws>"

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)
        from autograd_mini.testing import laws

        law = getattr(laws, name)

        @functools.wraps(law)
        def asked(*args: Any, **options: Any) -> Any:
            __tracebackhide__ = True
            return self._owner._ask(law, args, options)

        return asked


def drawn_from(args: tuple[Any, ...]) -> bool:
    """Whether an argument is a hypothesis strategy."""
    strategies = sys.modules.get("hypothesis.strategies")
    return strategies is not None and any(isinstance(arg, strategies.SearchStrategy) for arg in args)


def answered(check: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """What a check returns; its failure without the frames inside of it, or a skip if the numbers cannot tell."""
    __tracebackhide__ = True
    from autograd_mini.testing import DerivativeError, InconclusiveError

    outcome: BaseException | None = None
    try:
        return check(*args, **options)
    except DerivativeError as error:
        outcome = cleared(error)
    except InconclusiveError as error:
        given = sys.modules.get("hypothesis")
        if given is not None and given.currently_in_test_context():
            given.event(str(error).splitlines()[0])
            given.reject()
        pytest.skip(str(error))
    raise outcome


def cleared(error: BaseException) -> BaseException:
    """An error without the history of where it was raised."""
    error.__context__ = error.__cause__ = None
    return error.with_traceback(None)
