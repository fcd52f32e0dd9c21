"""A stand-in for CuPy's arrays on a machine without a GPU: it computes in the host's memory, and is as strict as they.

Functions take the arguments that CuPy's take and no others (`benchmarks/cupy_signatures.py` reads them from its
source), arrays of the host are not mixed in, nothing becomes NumPy's without being asked, a reduction gives an array
without axes, and whatever would wait for the device is counted.
"""

import collections
import contextlib
import functools
import importlib.machinery
import json
import operator
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest

SOURCE = json.loads((Path(__file__).parent / "cupy_signatures.json").read_text())
FUNCTIONS, METHODS, SCATTERING = SOURCE["functions"], SOURCE["methods"], SOURCE["at"]
REDUCING = {"reduce": {"add", "multiply"}, "accumulate": {"add", "multiply"}, "reduceat": {"add"}}
KEYWORDS = {  # of the methods of universal functions
    "__call__": {"out", "dtype", "casting"},
    "reduce": {"axis", "dtype", "out", "keepdims"},
    "accumulate": {"axis", "dtype", "out"},
    "reduceat": {"axis", "dtype", "out"},
    "outer": {"dtype"},
    "at": set(),
}
GENERALIZED = {"out", "dtype", "casting", "axes", "axis", "keepdims"}
READING = {"nonzero", "flatnonzero", "argwhere", "unique", "compress", "extract", "bincount", "histogram"}
ABOUT = {"shape", "ndim", "size", "result_type", "can_cast", "common_type", "iscomplexobj", "isrealobj"}
BRINGING = {"take": ("indices",), "choose": ("choices",)}  # arguments that may be in the host's memory
IMPLICIT = "Implicit conversion to a NumPy array is not allowed. Please use `.get()`."

waits = collections.Counter()
happened = []  # in this order: arrays sent in a queue of their own, numbers read


def host(value):
    """What an argument is in the host's memory; an array that is there already is refused."""
    if isinstance(value, StandIn):
        return value.memory
    if isinstance(value, np.ndarray):
        raise TypeError(f"Unsupported type <class 'numpy.ndarray'> of shape {value.shape}")
    if type(value) in (list, tuple):
        return type(value)(map(host, value))
    if hasattr(value, "requires_grad") or hasattr(value, "__array_function__"):
        raise TypeError(f"Unsupported type {type(value)}")
    return value


def on_device(result):
    """What was computed, arrays as the device's."""
    if isinstance(result, tuple) and hasattr(result, "_fields"):
        return type(result)(*map(on_device, result))
    if isinstance(result, tuple | list):
        return type(result)(map(on_device, result))
    return StandIn(np.asarray(result)) if isinstance(result, np.ndarray | np.generic) else result


def index_of(index):
    """An index: arrays of the host are brought along, and a mask must be read."""
    if isinstance(index, tuple):
        return tuple(map(index_of, index))
    if isinstance(index, StandIn):
        waits["mask"] += index.dtype == bool
        return index.memory
    return index


def named(func):
    """The name of a function in CuPy's own table."""
    home = func.__module__.removeprefix("numpy").removeprefix(".")
    return f"{home}.{func.__name__}".lstrip(".")


def asarray(values):
    """An array of the device's, of numbers in the host's memory."""
    array = values if isinstance(values, StandIn) else StandIn(np.array(values))
    if Stream.current is not Stream.default:
        Stream.away.append(array)
        happened.append("sent")
    return array


class Stream:
    """A queue of work; an array that was made in another one has to be waited for."""

    away: ClassVar[list["StandIn"]] = []

    def __init__(self, non_blocking=False):
        assert non_blocking

    def __enter__(self):
        Stream.current = self

    def __exit__(self, *_):
        Stream.current = Stream.default

    def record(self):
        """What has been queued so far."""
        return list(Stream.away)

    def wait_event(self, event):
        """Go on after that."""
        Stream.away = [array for array in Stream.away if not any(array is other for other in event)]


Stream.default = Stream.current = Stream(non_blocking=True)


@contextlib.contextmanager
def working_on(number):
    """The device that arrays are made on; there is one."""
    assert number == 0
    yield


def install(monkeypatch):
    """Let `import cupy` find the stand-in, for one test; counts begin anew."""
    module = ModuleType("cupy")
    module.__spec__ = importlib.machinery.ModuleSpec("cupy", None)
    module.ndarray, module.asarray = StandIn, asarray
    module.cuda = SimpleNamespace(
        Device=working_on,
        Stream=Stream,
        get_current_stream=lambda: Stream.current,
        is_available=lambda: True,
        runtime=SimpleNamespace(getDeviceCount=lambda: 1),
    )
    monkeypatch.setitem(sys.modules, "cupy", module)
    waits.clear()
    happened.clear()


@pytest.fixture(autouse=True)
def package(request, monkeypatch):
    """PyTorch, where a test needs it; or the module that stands in for CuPy."""
    if request.node.get_closest_marker("extra"):
        pytest.importorskip("torch")
    else:
        install(monkeypatch)


class Device:
    """CuPy says where an array is by such an object."""

    id = 0


class StandIn:
    """An array that is on a device."""

    __slots__ = ("__weakref__", "there")
    __array_priority__ = 100
    __hash__ = None
    device = Device()

    def __init__(self, memory):
        assert type(memory) is np.ndarray
        self.there = memory

    @property
    def memory(self):
        """What it holds, once it has arrived."""
        assert not any(self is array for array in Stream.away), "an array was used that is still on its way"
        return self.there

    shape = property(lambda self: self.there.shape)
    dtype = property(lambda self: self.there.dtype)
    ndim = property(lambda self: self.there.ndim)
    size = property(lambda self: self.there.size)
    nbytes = property(lambda self: self.there.nbytes)
    itemsize = property(lambda self: self.there.itemsize)
    strides = property(lambda self: self.there.strides)
    T = property(lambda self: StandIn(self.memory.T))
    real = property(lambda self: StandIn(self.memory.real))
    imag = property(lambda self: StandIn(self.memory.imag))
    base = property(lambda self: None if self.memory.base is None else StandIn(np.asarray(self.memory.base)))

    def __array__(self, dtype=None, copy=None):
        raise TypeError(IMPLICIT)

    def get(self):
        return self.read("get", self.memory.copy())

    def item(self):
        return self.read("item", self.memory.item())

    def tolist(self):
        return self.read("tolist", self.memory.tolist())

    def read(self, what, value):
        waits[what] += 1
        happened.append("read")
        return value

    def __float__(self):
        return self.read("float", float(self.memory))

    def __int__(self):
        return self.read("int", int(self.memory))

    def __complex__(self):
        return self.read("complex", complex(self.memory))

    def __bool__(self):
        return self.read("bool", bool(self.memory))

    def __index__(self):
        return self.read("index", operator.index(self.memory))

    def __repr__(self):
        return self.read("repr", repr(self.memory))

    def __format__(self, spec):
        return self.read("format", format(self.memory, spec))

    def __len__(self):
        return len(self.there)

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __getitem__(self, index):
        return StandIn(np.asarray(self.memory[index_of(index)]))

    def __setitem__(self, index, values):
        self.memory[index_of(index)] = host(values)

    def __copy__(self):
        return StandIn(self.memory.copy())

    def __deepcopy__(self, _memo):
        return StandIn(self.memory.copy())

    def __reduce__(self):
        return self.read("pickle", (asarray, (self.memory,)))

    def __array_ufunc__(self, ufunc, method, *inputs, **options):
        name = ufunc.__name__
        if name not in FUNCTIONS or any(hasattr(value, "requires_grad") for value in inputs):
            return NotImplemented
        if name not in REDUCING.get(method, {name}) or (method == "at" and name not in SCATTERING):
            raise NotImplementedError(f"`cupy_{name}.{method}` is not supported yet")
        wrong = set(options) - (GENERALIZED if ufunc.signature and method == "__call__" else KEYWORDS[method])
        if wrong:
            raise TypeError(f"Wrong arguments {sorted(wrong)}")
        out = options.pop("out", None)
        if out is not None:
            options["out"] = tuple(map(host, out))
        if method == "at":
            array, index, *values = inputs
            ufunc.at(host(array), index_of(index), *map(host, values))
            return None
        with np.errstate(all="ignore"):
            result = getattr(ufunc, method)(*map(host, inputs), **options)
        return on_device(result) if out is None else out[0]

    def __array_function__(self, func, types, args, options):
        name = named(func)
        if name not in FUNCTIONS or not all(issubclass(kind, StandIn | np.ndarray) for kind in types):
            return NotImplemented
        known = FUNCTIONS[name]
        if isinstance(known, list):
            if len(args) > len(known):
                raise TypeError(f"{name}() takes {len(known)} positional arguments but {len(args)} were given")
            wrong = set(options) - set(known)
            if wrong:
                raise TypeError(f"{name}() got an unexpected keyword argument {min(wrong)!r}")
        if name in {"asarray", "array", "ascontiguousarray"}:
            waits["copy to the device"] += not isinstance(args[0], StandIn)
            return StandIn(getattr(np, name)(getattr(args[0], "memory", args[0]), *args[1:], **options))
        if name in READING or (name == "repeat" and any(isinstance(a, StandIn) for a in args[1:])):
            waits[name] += 1
        if name in ABOUT:
            return func(*(getattr(a, "memory", a) for a in args), **options)
        if isinstance(known, list):  # what CuPy calls otherwise is given by place
            given = dict(zip(known, args, strict=False)) | options
            for each in BRINGING.get(name, ()):
                if isinstance(given.get(each), np.ndarray):
                    given[each] = StandIn(given[each])
            args = tuple(given[each] for each in known[: len(args)])
            options = {each: value for each, value in given.items() if each not in known[: len(args)]}
        with np.errstate(all="ignore"):
            return on_device(func(*map(host, args), **{each: host(value) for each, value in options.items()}))


def binary(function, reflected=False):
    """An operator, which leaves it to tensors what it means with one."""

    def method(self, other):
        if hasattr(other, "requires_grad") or hasattr(type(other), "level"):
            return NotImplemented
        pair = (host(other), self.memory) if reflected else (self.memory, host(other))
        with np.errstate(all="ignore"):
            return on_device(function(*pair))

    return method


def unary(function):
    """An operator of one array."""
    return lambda self: on_device(function(self.memory))


def in_place(function):
    """An operator that writes into its array."""

    def method(self, other):
        function(self.memory, host(other))
        return self

    return method


OPERATORS = "add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor", "lshift", "rshift"
for _name in OPERATORS:
    _function = getattr(operator, f"__{_name}__")
    setattr(StandIn, f"__{_name}__", binary(_function))
    setattr(StandIn, f"__r{_name}__", binary(_function, reflected=True))
    setattr(StandIn, f"__i{_name}__", in_place(getattr(operator, f"__i{_name}__")))
for _name in ("lt", "le", "eq", "ne", "gt", "ge"):
    setattr(StandIn, f"__{_name}__", binary(getattr(operator, _name)))
for _name in ("neg", "pos", "abs", "invert"):
    setattr(StandIn, f"__{_name}__", unary(getattr(operator, _name)))


def method_of(name, known):
    """One of the methods of arrays, with CuPy's arguments."""

    @functools.wraps(getattr(np.ndarray, name))
    def method(self, *args, **options):
        wrong = set(options) - set(known if known is not None else {"order", "copy"})
        if wrong:
            raise TypeError(f"{name}() got an unexpected keyword argument {min(wrong)!r}")
        if name in READING:
            waits[name] += 1
        given = {each: host(value) for each, value in options.items()}
        return on_device(getattr(self.memory, name)(*map(host, args), **given))

    return method


for _name, _known in METHODS.items():
    if callable(getattr(np.ndarray, _name, None)) and _name not in vars(StandIn):
        setattr(StandIn, _name, method_of(_name, _known))
