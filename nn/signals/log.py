"""`SignalLog`: how the signal, the updates and the dead units of a model change while it trains."""

from __future__ import annotations

import csv
import logging
import math
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from autograd_mini import Tensor, Watch, devices, in_words, showing
from nn.checks import whole
from nn.module import Module
from nn.norms import rms
from nn.signals.arguments import described
from nn.signals.gradient_noise import gradient_noise
from nn.signals.state import saved, saved_globals

if TYPE_CHECKING:
    from nn.signals.cures.tried import Tried

QUANTITIES = "signal", "update_ratio", "dead"
NOISE = "noise_scale"  # a quantity that needs a loss and a batch
WEAK, STRONG = 1e-4, 1e4  # of the signal at the last layer
UPDATES = 1e-6, 1e-1  # rms(change of W)/rms(W); healthy is near 1e-3
CROWDED = 0.25
SHOWN = 12  # layers and findings in a notebook
SAFE = 1e-30  # a sum of squares beyond has not lost what is small, nor overflowed, in float32

NOT_A_MODULE = "SignalLog(model) was given a {what}. Give it the nn.Module that is trained."
NO_PARAMETERS = "SignalLog(model) was given a model without parameters, so there is nothing to follow."
UNKNOWN = "SignalLog(quantities={quantities!r}): choose from {known}."
NO_BATCH = (
    "SignalLog(..., noise=...) was given {noise}. Write a loss and a batch, of which the gradients of single examples "
    "are compared: `noise=(nn.cross_entropy, x[:64], y[:64])`."
)
NO_LOSS = "log.backward(...) was given a {what}. Write `log.backward(loss)` with the loss itself, a tensor."
NOTHING = "The log is empty: nothing was measured yet. Call `log.backward(loss)` instead of `loss.backward()`."
NO_QUESTION = 'log.plot({question!r}) was asked for. Write `log.plot()` for all, or `log.plot("map")` for the map.'
NO_TENSORBOARD = 'TensorBoard files need tensorboardX. Write `pip install "autograd-mini[tensorboard]"`.'

ALARMS = {
    "finite": "{layer}: its signal is not finite",
    "weak": "{layer}: its signal, rms(delta), is {value} of the last layer's",
    "strong": "{layer}: its signal, rms(delta), is {value} of the last layer's",
    "crowded": "{layer}: {value:.0%} of its units are dead, they pass nothing for the batch",
    "dead": "{layer} is dead: none of its units passes anything for the batch",
    "cut": "{layer}: no signal comes back to it",
    "far": "{layer}: one step changed the weights by {value} of their size",
    "noise": "the gradient is mostly noise: it takes more than {value} examples until half of their mean is in common",
    "still": "{layer}: one step changed the weights by {value} of their size",
}

logger = logging.getLogger("nn.signals")


class Probe(Watch):
    """Takes the cotangent of the result of each module in `owners`: the first one that comes back into its scope."""

    def __init__(self, owners: set[str], channels: set[str]) -> None:
        self.owners = owners
        self.channels = channels  # of these, units lie along the second axis
        self.seen: set[str] = set()
        self.found: dict[str, tuple[float, float]] = {}

    def backward(self, node: Any, cotangent: Any, parts: list[tuple[Any, Any]]) -> None:  # noqa: ARG002
        scope = node.scope
        if scope in self.seen:
            return
        self.seen.add(scope)
        layer = scope.partition(".")[2]  # `MLP.0` is the model's part `0`
        if layer in self.owners and not devices.on_host(cotangent):
            cotangent = devices.to_host(cotangent)
        if layer in self.owners and isinstance(cotangent, np.ndarray):
            self.found[layer] = sizes(
                np.moveaxis(cotangent, 1, -1) if layer in self.channels and cotangent.ndim == 4 else cotangent
            )


class Measured(NamedTuple):
    """What a backward came to: the loss, and of each layer rms(delta) and the share of dead units."""

    loss: float
    found: dict[str, tuple[float, float]]


class Probing:
    """Does a backward, and measures it."""

    def __init__(self, owners: set[str], channels: set[str]) -> None:
        self.owners, self.channels = owners, channels

    def __call__(self, loss: Tensor, **options: Any) -> Measured:
        with Probe(self.owners, self.channels) as probe:
            loss.backward(**options)
        return Measured(float(np.real(loss.item() if loss.size == 1 else loss.data.sum())), probe.found)


class SignalLog:
    """Measures every k-th backward of a training, at little cost, and warns where something goes wrong.

    Parameters
    ----------
    model : Module
        What is trained.
    every : int
        Measure the first backward, and then each `every`-th.
    quantities : sequence of str
        Of "signal", rms(delta) of the result of each module that reads parameters; "update_ratio",
        rms(change of W)/rms(W) of one step; "dead", the share of units whose delta is 0 for every example.
    noise : tuple, optional
        A loss and a batch, `(loss_fn, x, y)`, as for `nn.gradient_noise`, for the quantity "noise_scale": of how many
        examples half the mean gradient of a layer's weights is noise. It costs their gradients, one by one.

    Attributes
    ----------
    steps, losses : list
        The measured steps, counted from 0, and their losses.
    warnings : list of (int, str)
        Steps and what crossed a threshold there; also logged to the logger "nn.signals".
    findings : tuple of str
        The same as sentences, with the steps that each held for.

    Raises
    ------
    TypeError, ValueError
        If there is no model with parameters, or an option is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> model = nn.MLP([2, 8, 1], "tanh", rng=0)
    >>> sgd = nn.SGD(model.parameters(), 0.1)
    >>> log = nn.SignalLog(model, every=2)
    >>> for _ in range(5):
    ...     sgd.zero_grad()
    ...     log.backward(nn.squared_error(model(np.ones((4, 2))), np.zeros((4, 1))))
    ...     sgd.step()
    >>> log.steps, log.layers
    ([0, 2, 4], ['0', '2'])
    """

    def __init__(
        self,
        model: Module,
        every: int = 10,
        quantities: Sequence[str] = QUANTITIES,
        noise: tuple[Any, ...] | None = None,
    ) -> None:
        if not isinstance(model, Module):
            raise TypeError(NOT_A_MODULE.format(what=type(model).__name__))
        whole("SignalLog", "every", every)
        if isinstance(quantities, str) or not set(quantities) <= set(QUANTITIES):
            raise ValueError(UNKNOWN.format(quantities=quantities, known=", ".join(map(repr, QUANTITIES))))
        if noise is not None and not (isinstance(noise, tuple) and len(noise) > 1 and callable(noise[0])):
            raise ValueError(NO_BATCH.format(noise=described(noise)))
        self.weights = {
            path.rpartition(".")[0]: parameter for path, parameter in model.named_parameters() if parameter.ndim > 1
        }
        if not any(True for _ in model.parameters()):
            raise ValueError(NO_PARAMETERS)
        self.model, self.every, self.noise = model, every, noise
        self.quantities = (*quantities, *([NOISE] if noise else []))
        self.channels = {path for path, weights in self.weights.items() if weights.ndim == 4}
        self.owners = {path.rpartition(".")[0] for path, _ in model.named_parameters()}
        self.order = [path for path, _ in model.named_modules()]
        self.steps: list[int] = []
        self.losses: list[float] = []
        self.warnings: list[tuple[int, str]] = []
        self.rows: dict[str, dict[str, list[float]]] = {}
        self.copies: dict[str, Any] = {}
        self.broken: set[tuple[str, int]] = set()  # layers and steps where a signal was measured, but is not finite
        self.alarms: dict[tuple[str, str], int] = {}  # those that hold, each with its place in `warnings`
        self.until: dict[int, int] = {}  # of others, the step at which they no longer did
        self.root = model._name or model._type
        self.count = 0

    def backward(self, loss: Tensor, **options: Any) -> None:
        """`loss.backward(**options)`, measured every k-th time; the gradients are the same to the bit."""
        if not isinstance(loss, Tensor):
            raise TypeError(NO_LOSS.format(what=type(loss).__name__))
        probe = self.probe()
        if probe is None:
            loss.backward(**options)
        else:
            self.probed(probe(loss, **options))

    def probe(self) -> Probing | None:
        """What does the next backward, which is then counted, and measures it; None if it is not to be measured.

        It knows nothing of this log, so that it may be sent to where the loss is: `log.probed(probe(loss))`.
        """
        if self.copies:
            with np.errstate(all="ignore"):
                self.compare()
        step, self.count = self.count, self.count + 1
        return None if step % self.every else Probing(self.owners, self.channels)

    def probed(self, measured: Measured) -> None:
        """Take in what a probe measured of the last backward that was counted."""
        self.steps.append(self.count - 1)
        self.losses.append(measured.loss)
        for values in self.rows.values():
            for quantity in self.quantities:
                values[quantity].append(math.nan)
        self.take(measured.found)
        if self.noise is not None:
            self.take_noise(*self.noise)
        if "update_ratio" in self.quantities:
            self.copies = {path: weights.data.copy() for path, weights in self.weights.items()}

    def skip(self, backwards: int = 1) -> bool:
        """Let backwards go by that would not be measured, and count them; False, and nothing, if one of them would."""
        if self.copies or any((self.count + i) % self.every == 0 for i in range(backwards)):
            return False
        self.count += backwards
        return True

    def take(self, found: dict[str, tuple[float, float]]) -> None:
        """The numbers of one measured backward, the last layer's first."""
        top, before = None, False  # whether the layer nearer to the loss has a signal
        for layer, (signal, dead) in found.items():
            values = self.rows.get(layer) or self.rows.setdefault(layer, self.empty())
            top = signal if top is None else top
            if not math.isfinite(signal):
                self.broken.add((layer, self.steps[-1]))
            lost = signal == 0 and "dead" in values
            if "signal" in values:
                values["signal"][-1] = signal
                self.check_signal(layer, signal, math.nan if lost else top)
            if "dead" in values:
                values["dead"][-1] = dead
                if lost or dead >= CROWDED or self.alarms:
                    self.alarm(layer, "crowded", dead >= CROWDED and not lost, dead)
                    self.alarm(layer, "dead", lost and before, dead)
                    self.alarm(layer, "cut", lost and not before, dead)
            before = not lost

    def take_noise(self, loss_fn: Callable[..., Any], *data: Any) -> None:
        """The noise scale of each layer's weights; that this was asked changes nothing of the training."""
        kept = [*saved(self.model), *saved_globals()]
        try:
            with np.errstate(all="ignore"):
                model, found = gradient_noise(self.model, loss_fn, *data)
        except (TypeError, ValueError) as error:
            self.warnings.append((self.steps[-1], f"no gradient noise is measured. {error}"))
            self.noise = None
            return
        finally:
            for put_back in reversed(kept):
                put_back()
        for path, weights in self.weights.items():
            name = next(name for name, parameter in self.model.named_parameters() if parameter is weights)
            if path in self.rows and name in found:
                self.rows[path][NOISE][-1] = found[name].scale
        self.alarm("", "noise", model.is_most, model.between[0])

    def empty(self) -> dict[str, list[float]]:
        """A layer's columns, with gaps for the steps before it was first seen."""
        return {quantity: [math.nan] * len(self.steps) for quantity in self.quantities}

    def compare(self) -> None:
        """The update ratios of the step that was taken after the last measured backward."""
        for path, before in self.copies.items():
            after = self.weights[path].data
            update = relative_change(devices.to_host(before), devices.to_host(after))
            values = self.rows.get(path)
            if values is not None:
                values["update_ratio"][-1] = update
                low, high = UPDATES
                if low <= update <= high and not self.alarms:
                    continue
                self.alarm(path, "far", update > high, update)
                self.alarm(path, "still", 0 < update < low, update)
        self.copies = {}

    def check_signal(self, layer: str, signal: float, top: float) -> None:
        """Alarms for a signal that is lost, or overwhelming, beside the last layer's."""
        share = signal / top if top else math.nan
        if WEAK <= share <= STRONG and not self.alarms:
            return
        self.alarm(layer, "finite", not math.isfinite(signal), signal)
        self.alarm(layer, "weak", share < WEAK, share)
        self.alarm(layer, "strong", share > STRONG, share)

    def alarm(self, layer: str, kind: str, crossed: bool, value: float) -> None:
        """Tell once that a threshold was crossed, until it is no more."""
        if not crossed:
            place = self.alarms.pop((layer, kind), None)
            if place is not None:
                self.until[place] = self.steps[-1]
        elif (layer, kind) not in self.alarms:
            self.alarms[layer, kind] = len(self.warnings)
            said = value if kind == "crowded" else in_words(value)
            text = ALARMS[kind].format(layer=".".join(filter(None, (self.root, layer))), value=said)
            text = text if kind == "noise" else f"layer {text}"  # of all layers together
            self.warnings.append((self.steps[-1], text))
            logger.warning("step %d, %s", self.steps[-1], text)

    @property
    def findings(self) -> tuple[str, ...]:
        """What crossed a threshold, and when: "Since step 300 layer MLP.4 is dead: ..."."""
        return tuple(
            f"From step {step} to before step {self.until[i]} {text}"
            if i in self.until
            else f"Since step {step} {text}"
            for i, (step, text) in enumerate(self.warnings)
        )

    def cures(self, loss_fn: Callable[..., Any], x: Any, y: Any = None, **options: Any) -> Tried:
        """Try what would help the model as it is now: `nn.signals(log.model, loss_fn, x, y).cures(**options)`.

        Parameters
        ----------
        loss_fn : callable
            `loss_fn(model(x), y)`, or `loss_fn(model(x))` if there is no `y`: a tensor of one entry.
        x : array_like or tuple of them
            A batch of inputs, as for `nn.signals`.
        y : object, optional
            The targets.
        **options : object
            `optimizer`, `data`, `seconds` and `progress`, as for `nn.ModelSignals.cures`.

        Returns
        -------
        Tried
            What was tried, the best first.
        """
        from nn.signals.measure import signals

        return signals(self.model, loss_fn, x, y).cures(**options)

    @property
    def layers(self) -> list[str]:
        """The layers that were measured, in the order of the model's definition."""
        place = {path: i for i, path in enumerate(self.order)}
        return sorted(self.rows, key=lambda layer: place.get(layer, len(place)))

    def history(self, quantity: str = "signal") -> np.ndarray[Any, Any]:
        """One quantity as an array of shape (layers, steps); nan where it was not measured."""
        if quantity not in self.quantities:
            raise ValueError(UNKNOWN.format(quantities=quantity, known=", ".join(map(repr, self.quantities))))
        return np.array([self.rows[layer][quantity] for layer in self.layers]).reshape(-1, len(self.steps))

    def table(self) -> np.ndarray[Any, Any]:
        """All numbers as a structured array, a row for each step and layer."""
        kind: list[Any] = [("step", "i8"), ("loss", "f8"), ("layer", "O"), *((name, "f8") for name in self.quantities)]
        return np.array(list(self.lines()), dtype=kind)

    def lines(self) -> Iterable[tuple[Any, ...]]:
        for i, (step, loss) in enumerate(zip(self.steps, self.losses, strict=True)):
            for layer in self.layers:
                yield (step, loss, layer, *(self.rows[layer][name][i] for name in self.quantities))

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write `table()` as comma-separated values."""
        with Path(path).open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(("step", "loss", "layer", *self.quantities))
            writer.writerows(self.lines())

    def to_dataframe(self) -> Any:
        """`table()` as a data frame of pandas.

        Raises
        ------
        ImportError
            If pandas is missing.
        """
        return showing.data_frame("log.to_dataframe()", self.table())

    def to_tensorboard(self, directory: str | os.PathLike[str]) -> None:
        """Write TensorBoard event files: the loss, and `quantity/layer` for each."""
        try:
            from tensorboardX import SummaryWriter
        except ImportError as error:
            raise ImportError(NO_TENSORBOARD) from error
        with SummaryWriter(os.fspath(directory)) as writer:
            for step, loss in zip(self.steps, self.losses, strict=True):
                writer.add_scalar("loss", loss, step)
            for layer in self.layers:
                for name, values in self.rows[layer].items():
                    for step, value in zip(self.steps, values, strict=True):
                        if not math.isnan(value):
                            writer.add_scalar(f"{name}/{layer}", value, step)

    def __str__(self) -> str:
        if not self.steps:
            return NOTHING
        lines = [self._measured()]
        head = f"{'layer':12s}" + "".join(f"{name + ', first':>22}{'last':>10}" for name in self.quantities)
        lines.append(head)
        for layer in reversed(self.layers):
            cells = [known(self.rows[layer][name]) for name in self.quantities]
            lines.append(f"{layer:12s}" + "".join(f"{first:22.1e}{last:10.1e}" for first, last in cells))
        return "\n".join([*lines, *(f"{sentence}." for sentence in self.findings)])

    def _measured(self) -> str:
        """How much was measured."""
        return f"{len(self.steps)} of {self.count} steps measured, {len(self.rows)} layers; loss {self.losses[-1]:.3g}"

    def __repr__(self) -> str:
        found = f"; {self.findings[-1]}" if self.warnings else ""
        return f"<SignalLog of {self.root}: {self._measured() if self.steps else 'nothing measured yet'}{found}>"

    def _repr_html_(self) -> str:
        if not self.steps:
            return showing.table([], [], above=[NOTHING])
        columns = ["layer", *(f"{name}, {when}" for name in self.quantities for when in ("first", "last"))]
        layers = self.layers[::-1]
        rows = [
            []
            if i is None
            else [layers[i], *(number(x) for name in self.quantities for x in known(self.rows[layers[i]][name]))]
            for i in showing.shortened(len(layers), SHOWN)
        ]
        below = [f"{text}." for text in self.findings[:SHOWN]]
        if len(self.findings) > SHOWN:
            below.append(f"And {len(self.findings) - SHOWN} more in log.findings")
        return showing.table(columns, rows, above=[self._measured()], below=below)

    def plot(self, question: str = "all") -> Any:
        """A matplotlib figure: layer x step heat map of log10 rms(delta), update ratios, dead units, the loss.

        `plot("map")` is the map of how far the signal gets: a row for each measured step, a column for each layer with
        weights, from the loss on the right to the input on the left, rms(delta) as colour.
        """
        if question not in {"all", "map"}:
            raise ValueError(NO_QUESTION.format(question=question))
        if not self.steps:
            raise ValueError(NOTHING)
        if question == "map":
            return self.map()
        made = showing.figure(9, 2.2 + 2.2 * len(self.quantities))
        axes = made.subplots(len(self.quantities) + 1, 1, squeeze=False)[:, 0]
        steps = np.array(self.steps, dtype=float)
        step = self.every / 2
        extent = (steps[0] - step, steps[-1] + step, len(self.rows) + 0.5, 0.5)
        looks = {
            "signal": ("log10 rms(delta)", "viridis", None, None),
            "update_ratio": ("log10 rms(change of W)/rms(W)", "PuOr", -6, 0),
            "dead": ("share of dead units", "cividis", 0, 1),
            NOISE: ("log10; 5 is as many or more", "magma_r", 0, 5),
        }
        titles = {
            "signal": "When does the signal shrink?",
            "update_ratio": "Does each layer learn? Healthy is near -3, white",
            "dead": "When do units die?",
            NOISE: "Is it noise? Examples of which half the mean gradient is noise",
        }
        for axis, name in zip(axes, self.quantities, strict=False):
            label, colours, low, high = looks[name]
            values = self.history(name)
            if name != "dead":
                with np.errstate(divide="ignore", invalid="ignore"):
                    values = np.log10(values)
            values = np.where(np.isfinite(values) | ((name == NOISE) & (values > 0)), values, np.nan)
            values = np.clip(values, low, high) if name == NOISE else values
            image = axis.imshow(
                values, aspect="auto", cmap=colours, vmin=low, vmax=high, extent=extent, interpolation="nearest"
            )
            made.colorbar(image, ax=axis, label=label)
            axis.set_ylabel("layer (1 is first)")
            axis.set_title(titles[name], loc="left", fontsize=11, fontweight="bold")
            spacing = max(1, math.ceil(len(self.rows) / 6))
            axis.set_yticks(sorted({1, *range(spacing, len(self.rows) + 1, spacing)}))
        axes[-1].plot(steps, self.losses, "k.-", ms=3, lw=0.8)
        axes[-1].set_xlim(extent[:2])
        axes[-1].set_ylabel("loss")
        axes[-1].set_xlabel("step")
        return made

    def map(self) -> Any:
        """How far the signal gets at each measured step."""
        from autograd_mini import signal_map

        history = self.history("signal")
        for layer, step in self.broken:
            history[self.layers.index(layer), self.steps.index(step)] = math.inf
        layers = [layer for layer in self.layers if layer in self.weights] or self.layers  # those of `nn.signals`
        shown = history[[self.layers.index(layer) for layer in layers]]
        quantity = "rms(delta), the size of the gradient by the layer's result"
        return signal_map(shown.T, self.steps, quantity=quantity, layers=layers)


def known(values: Sequence[float]) -> tuple[float, float]:
    """The first and the last value that were measured."""
    there = [value for value in values if not math.isnan(value)]
    return (there[0], there[-1]) if there else (math.nan, math.nan)


def number(value: float) -> str:
    """A number for people; a dash where none was measured."""
    return "-" if math.isnan(value) else in_words(value)


def sizes(cotangent: Any) -> tuple[float, float]:
    """rms of a cotangent, and the share of units, along the last axis, where it is 0 for every example."""
    if cotangent.ndim < 2 or cotangent.dtype.kind != "f":
        return rms(cotangent), math.nan
    rows = cotangent if cotangent.ndim == 2 else cotangent.reshape(-1, cotangent.shape[-1])
    total = float(np.vdot(rows, rows))  # unlike np.sum without a warning of overflow
    if SAFE < total < 1 / SAFE:
        width = rows.shape[1]
        alive = np.count_nonzero(rows[0]) == width or np.count_nonzero(np.einsum("ij,ij->j", rows, rows)) == width
        if alive:
            return math.sqrt(total / rows.size), 0.0
    return rms(cotangent), float(np.mean(~rows.any(axis=0)))


def relative_change(before: Any, after: Any) -> float:
    """rms(after - before) / rms(before); nan for weights that were all zero."""
    change = after - before
    moved, size = float(np.vdot(change, change).real), float(np.vdot(before, before).real)
    if SAFE < moved < 1 / SAFE and SAFE < size < 1 / SAFE:
        return math.sqrt(moved / size)
    whole = rms(before)
    return rms(change) / whole if whole else math.nan
