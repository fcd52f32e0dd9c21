"""Saving and loading: checkpoints that a training resumes from to the bit, and weights that other libraries read."""

from __future__ import annotations

import contextlib
import fnmatch
import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nn.elsewhere import explains
from nn.module import Module
from nn.parameter import Buffer, Parameter
from nn.training.tensor_files import FOREIGN, Array, FilePath, checked_target, read, serialised, write

NOT_A_MODEL = (
    "{call}(path, model) was given a {what} for a model. The path comes first, then the model itself, not its state: "
    "`{call}('run.safetensors', model, optimizer=optimizer)`."
)
OTHER_FORMAT = (
    "nn.{call} writes safetensors, whatever the file is called, and {name} looks like another format. Write "
    "{better!r}, which other programs know; PyTorch reads it by `safetensors.torch.load_file`."
)
NO_MODULE = "torch_names(model) was given a {what}. Write the model itself, such as an `nn.MLP`."
NOT_A_PART = (
    "{call}({name}=...) was given a {what}. Parts are modules, generators, and objects with `state_dict()` and "
    "`load_state_dict()`, such as optimizers and data loaders."
)
PART_NAME = "{call}: {name!r} cannot be the name of a part. Use letters, digits and underscores, such as `optimizer`."
VALUE = (
    "nn.save({name}=...): its `state_dict()` has {key} = {value!r}. A state is a flat dict of arrays, numbers, texts, "
    "True, False and None."
)
NO_PART = (
    "{path} holds {held}, but no {name!r}. Load without it, or save it too: `nn.save(path, model, {name}={name})`."
)
MISFIT = "{path} does not fit the {name} that it was loaded into, which is unchanged: {reason}"
KIND = "{name} has dtype {got} there and {want} in the model; build the model as it was, or use `nn.load_weights`"
GENERATORS = "it has the random generators {got}, and the model has {want}"
GENERATOR = "the state of the random generator {name} is not one of {kind}"
TWO = "nn.save_weights: {first} and {second} would both be called {name!r}. Give each a name of its own in `names`."
UNKNOWN = "{call}(names=...) has {unknown}, which the model does not have. It has {known}."
WEIGHTS = (
    "{path} does not fit the model: missing {missing}, unknown {unknown}. Say in `names` what the model's arrays are "
    "called in the file, such as names={{{example!r}: 'name_in_the_file'}}, and in `ignore` what to leave."
)
SHAPE = (
    "{path} has {theirs} of shape {got} for {ours}, which has shape {want}.{hint} Otherwise the models differ in size."
)
TRANSPOSE = " If it is stored the other way round, as in PyTorch's Linear, write names={{{ours!r}: '{theirs}.T'}}."
CELL = {
    "input.weights": ("weight_ih", ".T"),
    "input.bias": ("bias_ih", ""),
    "state.weights": ("weight_hh", ".T"),
    "state.bias": ("bias_hh", ""),
    "projection.weights": ("weight_hr", ".T"),
}


def of_recurrent(module: Any) -> dict[str, str]:
    """Ours and PyTorch's names of the arrays of recurrent layers, one above the other, each with one cell or two."""
    places = ["", *(f"above.{i}." for i in range(len(module.above)))]
    return {
        f"{place}{cell}.{ours}": f"{theirs}_l{i}{way}{turned}"
        for i, place in enumerate(places)
        for cell, way in (("cell", ""), ("back", "_reverse"))
        for ours, (theirs, turned) in CELL.items()
    }


TORCH_NAMES: dict[str, dict[str, str] | Callable[[Any], dict[str, str]] | None] = {
    "Linear": {"weights": "weight.T", "bias": "bias"},
    "Convolution": {"weights": "weight", "bias": "bias"},
    "Embedding": {"weights": "weight"},
    "BatchNorm": {"gain": "weight", "bias": "bias", "mean": "running_mean", "variance": "running_var"},
    "LayerNorm": {"gain": "weight", "bias": "bias"},
    "GroupNorm": {"gain": "weight", "bias": "bias"},
    "PReLU": {"alpha": "weight"},
    "Recurrent": of_recurrent,
    "Cell": {ours: theirs + turned for ours, (theirs, turned) in CELL.items()},
    "MultiHeadAttention": None,  # three matrices here are one there
}
OTHERS = {
    ".pt",
    ".pth",
    ".ckpt",
    ".bin",
    ".h5",
    ".hdf5",
    ".keras",
    ".pkl",
    ".pickle",
    ".joblib",
    ".npz",
    ".npy",
    ".onnx",
}
TORCH = (
    "nn.torch_names: {path} is a {kind}, which PyTorch stores in another way or does not have. Write the names of its "
    "arrays by hand, as a dict from ours to theirs."
)

UNFIT = ValueError, TypeError, KeyError, OverflowError, AttributeError
BOUNDS = {"pos": 624, "buffer_pos": 4, "has_uint32": 1}  # beyond, NumPy would read past its buffers


@explains("function")
def save(path: FilePath, model: Module, **parts: Any) -> None:
    """Write a checkpoint: the model, its random generators, and whatever else a training needs to go on.

    The file is safetensors, so nothing in it can run. It is written under another name, brought to the disk and then
    renamed: at any moment the file at `path` is the old or the new one, whole.

    Parameters
    ----------
    path : path-like
        Of the file, such as "model.safetensors".
    model : Module
        Parameters and buffers are stored under their own names, where every reader of safetensors finds them.
    **parts
        By a name of your choice: optimizers (with the step that their schedule has come to), data loaders (with the
        position in the epoch), random generators, other modules, and anything with `state_dict()` and
        `load_state_dict()`, where a state is a flat dict of arrays, numbers, texts, True, False and None.

    Raises
    ------
    TypeError, ValueError
        If a part cannot be saved; safetensors has no complex128, for one.
    OSError
        If the file cannot be written; the old one is as it was.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import nn
    >>> model, other = nn.MLP([2, 3, 1], rng=0), nn.MLP([2, 3, 1], rng=1)
    >>> path = Path(tempfile.mkdtemp(), "run.safetensors")
    >>> nn.save(path, model, optimizer=nn.SGD(model.parameters(), 0.1))
    >>> nn.load(path, other, optimizer=nn.SGD(other.parameters(), 0.1))
    >>> bool((other[0].weights.data == model[0].weights.data).all())
    True
    """
    state = collected(model, parts)
    warn_of_format(path, "save")
    write(path, *state)


def warn_of_format(path: FilePath, call: str) -> None:
    """Warn of a name by which a file of safetensors would be taken for one of another format."""
    name = Path(path)
    if name.suffix.lower() in OTHERS:
        better = name.with_suffix(".safetensors").name
        warnings.warn(OTHER_FORMAT.format(call=call, name=name.name, better=better), stacklevel=4)


def check(path: FilePath, model: Module, **parts: Any) -> None:
    """Raise what `save` would, before hours of training; write nothing."""
    checked_target(path)
    serialised(path, *collected(model, parts))


def collected(model: Module, parts: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """All states as arrays and facts."""
    arrays: dict[str, Any] = {}
    facts: dict[str, Any] = {}
    for name, part in named(model, parts, "nn.save").items():
        prefix = f"{name}/" if name else ""
        own = facts[name] = {}
        for key, held in state_of(part).items():
            value = held.item() if isinstance(held, np.generic) else held
            if isinstance(value, np.ndarray):
                arrays[prefix + key] = value
            elif isinstance(value, str | int | float | None):
                own[key] = value
            elif not isinstance(value, Mapping) or not isinstance(part, Module | np.random.Generator):
                raise TypeError(VALUE.format(name=name, key=key, value=value))
            else:
                own[key] = value
    return arrays, facts


@explains("function")
def load(path: FilePath, model: Module, **parts: Any) -> None:
    """Set the model and other parts to what `save` wrote. All of them, or on any error none.

    Parameters
    ----------
    path : path-like
        Of the file, such as "model.safetensors".
    model : Module
        Of the same structure and dtypes; its random generators are set too.
    **parts
        By the names under which they were saved. Others in the file are left.

    Raises
    ------
    ValueError
        If the file is damaged, was changed, or does not fit; model and parts are as before.
    OSError
        If it cannot be read.
    TypeError
        If the model is no module, a part is none that is saved, or an array has another kind of numbers.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> nn.save("model.safetensors", nn.MLP([2, 3], rng=0))
    >>> model = nn.MLP([2, 3], rng=1)
    >>> nn.load("model.safetensors", model)
    >>> bool(np.all(model[0].weights == nn.MLP([2, 3], rng=0)[0].weights))
    True
    """
    wanted = named(model, parts, "nn.load")
    arrays, facts = read(path)
    if facts is None:
        raise ValueError(FOREIGN.format(path=path, name=str(path)))
    for name in wanted:
        if name not in facts:
            raise ValueError(NO_PART.format(path=path, held=", ".join(filter(None, facts)) or "a model", name=name))
    before = {name: state_of(part) for name, part in wanted.items()}
    begun: list[str] = []
    try:
        for name, part in wanted.items():
            begun.append(name)
            set_state(part, state_in(arrays, facts, name))
    except BaseException as error:
        for name in begun:
            with contextlib.suppress(*UNFIT):  # the last one may refuse its own state as well
                set_state(wanted[name], before[name])
        if not isinstance(error, UNFIT):
            raise
        raise ValueError(MISFIT.format(path=path, name=begun[-1] or "model", reason=error)) from error


def named(model: Any, parts: dict[str, Any], call: str) -> dict[str, Any]:
    """The parts by name, the model under no name; all of a kind that has a state."""
    if not isinstance(model, Module):
        raise TypeError(NOT_A_MODEL.format(call=call, what=type(model).__name__))
    for name, part in parts.items():
        if not name.isidentifier():
            raise ValueError(PART_NAME.format(call=call, name=name))
        stateful = hasattr(part, "state_dict") and hasattr(part, "load_state_dict")
        if isinstance(part, type) or not (stateful or isinstance(part, np.random.Generator)):
            raise TypeError(NOT_A_PART.format(call=call, name=name, what=type(part).__name__))
    return {"": model, **parts}


def state_in(arrays: Mapping[str, Array], facts: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The state of one part: its arrays and facts together."""
    prefix = f"{name}/" if name else ""
    others = tuple(f"{other}/" for other in facts if other)
    own = {
        key.removeprefix(prefix): array
        for key, array in arrays.items()
        if (key.startswith(prefix) if prefix else not key.startswith(others))
    }
    return own | facts[name]


# States of modules with generators, of generators, of all else

RANDOM = "random generators"  # no attribute can have this name


def state_of(part: Any) -> dict[str, Any]:
    """A flat dict of arrays and facts; of modules and generators one more level, of generators."""
    if isinstance(part, np.random.Generator):
        return {RANDOM: {"": generator_state(part)}}
    state = dict(part.state_dict())
    if isinstance(part, Module):
        state[RANDOM] = {path: generator_state(generator) for path, generator in part.named_generators()}
    return state


def set_state(part: Any, state: dict[str, Any]) -> None:
    """The reverse of `state_of`; everything is checked before the part changes."""
    if not isinstance(part, Module | np.random.Generator):
        part.load_state_dict(state)
        return
    generators = {"": part} if isinstance(part, np.random.Generator) else dict(part.named_generators())
    states = state.pop(RANDOM)
    if states.keys() != generators.keys():
        raise ValueError(GENERATORS.format(got=sorted(states), want=sorted(generators)))
    ready = {path: checked_state(path, generator, states[path]) for path, generator in generators.items()}
    if isinstance(part, Module):
        for path, array in part.state_dict().items():
            if path in state and state[path].dtype != array.dtype:
                raise TypeError(KIND.format(name=path, got=str(state[path].dtype), want=str(array.dtype)))
        part.load_state_dict(state)
    for path, generator in generators.items():
        generator.bit_generator.state = ready[path]


def generator_state(generator: np.random.Generator) -> Any:
    """The state of a generator in lists and numbers."""

    def plain(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: plain(inner) for key, inner in value.items()}
        return value.tolist() if isinstance(value, np.ndarray | np.generic) else value

    return plain(generator.bit_generator.state)


def checked_state(name: str, generator: np.random.Generator, given: Any) -> Any:
    """A state in the form that NumPy takes, if it is one of a generator of this kind."""
    own = generator.bit_generator.state

    def like(own: Any, given: Any, key: str) -> Any:
        if isinstance(own, Mapping):
            if not isinstance(given, Mapping) or own.keys() != given.keys():
                raise ValueError(key)
            return {inner: like(own[inner], given[inner], inner) for inner in own}
        if isinstance(own, np.ndarray):
            array = np.array(given, own.dtype)
            if array.shape != own.shape:
                raise ValueError(key)
            return array
        if isinstance(own, str):
            if given != own:
                raise ValueError(key)
        elif not isinstance(given, int) or not 0 <= given <= BOUNDS.get(key, 2**128 - 1):
            raise ValueError(key)
        return given

    try:
        state = like(own, given, "")
        type(generator.bit_generator)(0).state = state  # would NumPy take it?
    except (ValueError, TypeError, OverflowError) as error:
        raise ValueError(GENERATOR.format(name=name or "given", kind=own["bit_generator"])) from error
    return state


# Weights alone, under any names


@explains("function")
def save_weights(path: FilePath, model: Module, names: Mapping[str, str] | None = None) -> None:
    """Write the parameters and buffers for another program, under the names that it expects.

    Parameters
    ----------
    path : path-like
        Of the file, such as "model.safetensors".
    model : Module
        Whose parameters and buffers are written.
    names : mapping of str to str, optional
        From ours to theirs; `.T` at the end of theirs stores the array transposed. Others keep their names.
        `nn.torch_names(model)` is such a mapping.

    Raises
    ------
    TypeError, ValueError
        If two arrays would have one name, or safetensors cannot hold a dtype.

    Examples
    --------
    ``nn.save_weights("ours.safetensors", model, nn.torch_names(model))`` here, and in PyTorch
    ``model.load_state_dict(safetensors.torch.load_file("ours.safetensors"))``.

    >>> import nn
    >>> model = nn.Linear(3, 2, rng=0)
    >>> nn.save_weights("ours.safetensors", model, nn.torch_names(model))
    >>> nn.torch_names(model)
    {'weights': 'weight.T', 'bias': 'bias'}
    """
    named(model, {}, "nn.save_weights")
    state = model.state_dict()
    theirs = their_names(state, names, "nn.save_weights")
    arrays: dict[str, Any] = {}
    origin: dict[str, str] = {}
    for ours, (name, transposed) in theirs.items():
        if name in arrays:
            raise ValueError(TWO.format(first=origin[name], second=ours, name=name))
        arrays[name], origin[name] = (state[ours].T if transposed else state[ours]), ours
    warn_of_format(path, "save_weights")
    write(path, arrays, {"": {RANDOM: {}}})


@explains("function")
def load_weights(
    path: FilePath, model: Module, names: Mapping[str, str] | None = None, ignore: Iterable[str] = ()
) -> None:
    """Set the parameters and buffers to those in a safetensors file, of any program; all of them, or none.

    Parameters
    ----------
    path : path-like
        Of the file, such as "model.safetensors".
    model : Module
        Whose parameters and buffers are set.
    names : mapping of str to str, optional
        From ours to theirs; `.T` at the end of theirs takes that array transposed. Others have the same names.
        Nothing is transposed that is not said to be. `nn.torch_names(model)` is such a mapping.
    ignore : iterable of str
        Names in the file to leave, with `*` for any text, such as `"*.num_batches_tracked"`. The other parts of a
        checkpoint are left anyway.

    Raises
    ------
    ValueError
        If the file is damaged, an array is missing or left over, or a shape differs; the model is as before.
    TypeError
        If complex numbers are given for real ones.

    Notes
    -----
    Values are rounded to the model's dtype. bfloat16, which NumPy lacks, is read as float32, without loss.

    Examples
    --------
    In PyTorch ``safetensors.torch.save_file(model.state_dict(), "theirs.safetensors")``, and here
    ``nn.load_weights("theirs.safetensors", model, nn.torch_names(model))``.

    >>> import numpy as np
    >>> import nn
    >>> model = nn.Linear(3, 2, rng=0)
    >>> nn.save_weights("theirs.safetensors", model, nn.torch_names(model))  # as PyTorch would write it
    >>> twin = nn.Linear(3, 2, rng=1)
    >>> nn.load_weights("theirs.safetensors", twin, nn.torch_names(twin))
    >>> bool(np.all(twin.weights == model.weights))
    True
    """
    named(model, {}, "nn.load_weights")
    arrays, facts = read(path)
    own = model.state_dict()
    theirs = their_names(own, names, "nn.load_weights")
    patterns = [*ignore, *(f"{part}/*" for part in facts or () if part)]
    wanted = {name for name, _ in theirs.values()}
    missing = sorted(wanted - arrays.keys())
    left = sorted(arrays.keys() - wanted)
    unknown = [name for name in left if not any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)]
    if missing or unknown:
        example = next((ours for ours, (name, _) in theirs.items() if name in missing), next(iter(own), "weights"))
        raise ValueError(
            WEIGHTS.format(path=path, missing=missing or "nothing", unknown=unknown or "nothing", example=example)
        )
    state = {}
    for ours, (name, transposed) in theirs.items():
        array = arrays[name].T if transposed else arrays[name]
        want = own[ours].shape
        if array.shape != want:
            turned = not transposed and array.T.shape == want
            hint = TRANSPOSE.format(ours=ours, theirs=name) if turned else ""
            got = arrays[name].shape
            raise ValueError(SHAPE.format(path=path, theirs=name, got=got, ours=ours, want=want, hint=hint))
        state[ours] = array
    model.load_state_dict(state)


def torch_names(model: Module) -> dict[str, str]:
    """What a PyTorch model of the same structure calls our arrays: for `nn.save_weights` and `nn.load_weights`.

    The weights of `Linear` are stored transposed there. Modules of your own keep their names.

    Parameters
    ----------
    model : Module
        Ours.

    Returns
    -------
    dict of str to str
        Their name for each of ours; `.T` at its end stands for transposed.

    Raises
    ------
    TypeError
        If it is no module, or a layer has no counterpart of the same arrays.

    Examples
    --------
    >>> import nn
    >>> nn.torch_names(nn.MLP([2, 3, 1]))
    {'0.weights': '0.weight.T', '0.bias': '0.bias', '2.weights': '2.weight.T', '2.bias': '2.bias'}
    """
    if not isinstance(model, Module):
        raise TypeError(NO_MODULE.format(what=type(model).__name__))
    names: dict[str, str] = {}
    covered: set[int] = set()
    for path, module in (("", model), *model.named_modules()):
        if id(module) in covered:
            continue
        kinds = [kind.__name__ for kind in type(module).__mro__ if kind.__module__.startswith("nn.")]
        kind = next((kind for kind in kinds if kind in TORCH_NAMES), "")
        known = TORCH_NAMES.get(kind, {})
        own = any(isinstance(value, Parameter | Buffer) for value in vars(module).values())
        if known is None or (not kind and own and type(module).__name__ in kinds):
            raise TypeError(TORCH.format(path=path or "the model", kind=type(module).__name__))
        if kind:
            covered.update(id(part) for _, part in module.named_modules())
        prefix = f"{path}." if path else ""
        theirs = known(module) if callable(known) else known
        there = {name for name, part in module.named_parts() if not isinstance(part, Module)}
        names |= {prefix + ours: prefix + name for ours, name in theirs.items() if ours in there}
    return names


def their_names(own: Iterable[str], names: Mapping[str, str] | None, call: str) -> dict[str, tuple[str, bool]]:
    """What each array is called in the file, and whether it is transposed there."""
    names = names or {}
    unknown = sorted(names.keys() - set(own))
    if unknown:
        raise ValueError(UNKNOWN.format(call=call, unknown=unknown, known=list(own)))
    given = {ours: names.get(ours) for ours in own}
    return {
        ours: (ours, False) if name is None else (name.removesuffix(".T"), name.endswith(".T"))
        for ours, name in given.items()
    }
