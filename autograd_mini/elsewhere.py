"""Names that people bring along from other libraries, and what to write here: the engine's tables, how they answer.

A row is names, apart by spaces, and their answer: code, or sentences that have code in backquotes; `{}` is the name
itself. Names of networks are in `nn.elsewhere`. Nothing here is asked for a name that exists.
"""

from __future__ import annotations

import difflib
import functools
import inspect
import opcode
import sys
import types
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

Class = TypeVar("Class", bound=type)
Function = TypeVar("Function", bound=Callable[..., Any])

NO_NAME = "{owner} has no attribute {name!r}. {answer}"
NEAR = "Did you mean {near!r}?"
TAKES = "It takes {known}."
CALLED = "It is called as `{name}({form})`{does}"
CALLED_MODULE = "`{owner}.{name}` is a module, which cannot be called. {answer}"
BLOCK = (
    "`with {name}:` was written with no parentheses. Write `with {name}({wanted}): ...` around the computation, or "
    "`@{name}({wanted})` above a function."
)
PRIVATE = "_"
UNFIT = ""  # the row for a call whose arguments are too many or too few
CUTOFF = 0.8  # how like a name of another library a name must be to be taken for it
# The instruction that reads a method in order to call it; from Python 3.12 on a bit says so.
# Tried on Python 3.11 to 3.14; where an interpreter has no such instruction, Python's own error stands.
METHOD, OF_METHOD = ("LOAD_METHOD", 0) if sys.version_info < (3, 12) else ("LOAD_ATTR", 1)
METHOD_CODE = opcode.opmap.get(METHOD, -1)
OPERATORS: Any = getattr(opcode, "_nb_ops", ())


class Rows(dict[str, str]):
    """A table, which is read when it is first asked."""

    @functools.cached_property
    def written(self) -> dict[str, str]:
        """The answer of each name, as it is written."""
        return {name: answer for names, answer in self.items() for name in names.split() or [names]}

    @functools.cached_property
    def answers(self) -> dict[str, str]:
        """The answer of each name, in sentences."""
        return {name: in_words(answer).replace("{}", name) for name, answer in self.written.items()}


NONE = Rows()

# Tensors

IN_PLACE = (
    "A tensor is never written into. Write a new value under the same name, as in `t = t + u`; for new values of a "
    "parameter, `with no_grad(): t -= 0.1 * t.grad`."
)
LAYOUT = "Leave it out: there is nothing to do, because NumPy's functions take arrays of any layout."
PLACE = (
    'Write `t.to_device("cpu")`, or "cuda:0" for a GPU of PyTorch\'s or CuPy\'s; `t.device` tells. Another precision: '
    "`t.astype(np.float32)`."
)

TENSOR = Rows(
    {
        # what it holds
        "numpy asnumpy to_numpy ndarray value values get_value": (
            "Write `t.data` for its array, or `t.detach()` for a tensor without history."
        ),
        "float": "t.astype(np.float32)",
        "double": "t.astype(np.float64)",
        "half": "t.astype(np.float16)",
        "long": "t.astype(np.int64)",
        "int": "t.astype(np.int32)",
        "short": "t.astype(np.int16)",
        "byte": "t.astype(np.uint8)",
        "bool": "t.astype(bool)",
        "type cast": "t.astype(np.float64)",
        "type_as": "t.astype(u.dtype)",
        "to": PLACE,
        "cpu cuda mps device_put is_cuda get_device pin_memory share_memory_": PLACE,
        "contiguous is_contiguous stride strides flags": LAYOUT,
        "block_until_ready wait eval realize": "Leave it out: what is written is computed at once.",
        "numel nelement": "t.size",
        "dim rank ndimension": "t.ndim",
        "element_size": "t.itemsize",
        "get_shape": "t.shape",
        "clone": "t.copy()",
        "tobytes tofile dump dumps ctypes byteswap": "Write `t.data.tobytes()` and so on: the array has it.",
        "to_list": "t.detach().tolist()",
        # gradients
        "requires_grad_": "t.requires_grad = True",
        "detach_": "t = t.detach()",
        "zero_grad": "t.grad = None",
        "is_leaf grad_fn creator": (
            "A tensor that you made is a leaf; `repr(t)` names the operation that made another, and "
            "`autograd_mini.draw(t)` "
            "draws how."
        ),
        "register_post_accumulate_grad_hook": "t.register_hook(lambda g: 0.5 * g)",
        "backward_hooks": "t.hooks",
        "stop_gradient": "t.detach()",
        "assign set_value set_data": "t.data = array",
        # entry by entry
        "exp expm1 exp2 log log1p log2 log10 sqrt square sin cos tan sinh cosh tanh arcsin arccos arctan arcsinh "
        "arccosh "
        "arctanh asin acos atan asinh acosh atanh floor ceil trunc rint sign abs absolute fabs reciprocal negative "
        "isnan isinf isfinite nan_to_num deg2rad rad2deg sinc angle": "np.{}(t)",
        "atan2 arctan2 hypot logaddexp fmod remainder copysign": "np.{}(t, u)",
        "maximum minimum fmax fmin": "np.{}(t, u)",
        "neg": "-t",
        "rsqrt": "1 / np.sqrt(t)",
        "frac": "t - np.trunc(t)",
        "pow power": "t**2",
        "add": "t + u",
        "sub subtract": "t - u",
        "mul multiply": "t * u",
        "div divide true_divide": "t / u",
        "matmul mm bmm mv addmm": "t @ u.T",
        "eq equal": "t == u",
        "ne not_equal": "t != u",
        "lt less": "t < u",
        "le less_equal": "t <= u",
        "gt greater": "t > u",
        "ge greater_equal": "t >= u",
        "logical_and logical_or logical_xor": "np.{}(t > 0, u > 0)",
        "logical_not": "~(t > 0)",
        "allclose isclose array_equal": "np.{}(t, u)",
        "where": "np.where(mask, t, 0.0)",
        "clamp clip_by_value hardtanh": "np.clip(t, 0.0, 1.0)",
        "clamp_min": "np.maximum(t, 0.0)",
        "clamp_max": "np.minimum(t, 0.0)",
        "lerp": "t + 0.5 * (u - t)",
        "relu": "np.maximum(t, 0)",
        "sigmoid": "Write `nn.Sigmoid()(t)`, or `1 / (1 + np.exp(-t))`.",
        "softmax": "nn.Softmax()(t)",
        "log_softmax": "nn.LogSoftmax()(t)",
        "softplus": "nn.Softplus()(t)",
        "logsigmoid log_sigmoid": "nn.LogSigmoid()(t)",
        "gelu": "nn.GELU()(t)",
        "elu": "nn.ELU()(t)",
        "silu swish": "nn.SiLU()(t)",
        "leaky_relu": "nn.LeakyReLU()(t)",
        "erf erfc erfinv digamma lgamma": "Functions of `scipy.special` take tensors, such as `scipy.special.erf(t)`.",
        # over entries
        "norm": "np.linalg.norm(t)",
        "logsumexp": "Write `autograd_mini.scipy.special.logsumexp(t, axis=-1)`.",
        "amax": "t.max()",
        "amin": "t.min()",
        "aminmax": "t.min(), t.max()",
        "median nanmedian nansum nanmean average ptp count_nonzero": "np.{}(t)",
        "quantile nanquantile percentile": "np.quantile(t, 0.5)",
        "sort unique argwhere diff gradient": "np.{}(t)",
        "topk": "np.sort(t)[..., -2:]",
        "kthvalue": "np.sort(t)[..., 1]",
        "cummax": "np.maximum.accumulate(t)",
        "cummin": "np.minimum.accumulate(t)",
        "histc bincount": "Counts are no function that can be differentiated: write `np.histogram(t.data)`.",
        "det inverse inv pinverse slogdet cholesky qr svd eig eigh": (
            "Write `np.linalg.inv(a)`, `np.linalg.det(a)` and so on: functions of `np.linalg` take tensors."
        ),
        "outer kron": "np.{}(t, u)",
        "inner": "np.inner(t, u)",
        "einsum": "np.einsum('ij,ij->i', t, u)",
        "fft ifft rfft": "np.fft.fft(t)",
        # shapes
        "view": "Write `t.reshape(3, 2)`; for another dtype, `t.astype(np.float32)`.",
        "view_as reshape_as": "t.reshape(u.shape)",
        "permute": "t.transpose(1, 0)",
        "t": "t.T",
        "adjoint mH H": "t.conj().mT",
        "movedim moveaxis": "np.moveaxis(t, 0, -1)",
        "unsqueeze expand_dims": "Write `np.expand_dims(t, axis=0)`, or `t[None]`.",
        "expand broadcast_to": "np.broadcast_to(t, (5, 2, 3))",
        "expand_as": "np.broadcast_to(t, u.shape)",
        "tile": "np.tile(t, (2, 1))",
        "repeat_interleave": "t.repeat(2, axis=0)",
        "unflatten": "t.reshape(2, 3, 1)",
        "split chunk tensor_split": "np.split(t, 3, axis=1)",
        "unbind unstack": "list(t)",
        "narrow": "t[:, 0:2]",
        "select": "t[:, 0]",
        "flip flipud fliplr": "np.flip(t, axis=0)",
        "roll": "np.roll(t, 1, axis=0)",
        "rot90 tril triu": "np.{}(t)",
        "diag": "np.diag(t)",
        "resize resize_": "t.reshape(3, 2)",
        "pad": "np.pad(t, 1)",
        "flat": "t.ravel()",
        # places
        "gather take_along_dim": "np.take_along_axis(t, index, axis=1)",
        "index_select": "np.take(t, [0, 1], axis=0)",
        "masked_select": "t[mask]",
        "masked_fill masked_fill_": "np.where(mask, 0.0, t)",
        "scatter scatter_ index_fill index_fill_ index_put index_put_ index_copy index_copy_ put put_": (
            "t = t.at[0].set(1.0)"
        ),
        "scatter_add scatter_add_ index_add index_add_": "t = t.at[0].add(1.0)",
        "new_zeros zeros_like": "np.zeros_like(t)",
        "new_ones ones_like": "np.ones_like(t)",
        "new_tensor": "Tensor([1.0, 2.0])",
        "add_ sub_ mul_ div_ pow_ copy_ fill_ zero_ clamp_ exp_ sqrt_ relu_ normal_ uniform_ fill assign_add "
        "assign_sub "
        "itemset setflags partition": IN_PLACE,
        "apply_ map_": "Functions of NumPy work on all entries at once, such as `np.tanh(t)`.",
    }
)

SIZE = (
    "`t.size` is the number of entries, as NumPy has it. Write `t.shape` for what `t.size()` is in PyTorch, and "
    "`t.shape[0]` for `t.size(0)`."
)

# The keywords of a tensor's methods; the answers are names of parameters.
OPTIONS = Rows({"dim dims": "axis axes axis1", "keepdim keep_dims": "keepdims", "unbiased correction": "ddof"})

# Keywords of what makes and differentiates tensors: answers, and names of parameters
CALLS = Rows(
    {
        "dtype": "Give the array its dtype: `Tensor(np.array([1.0, 2.0], np.float32))`.",
        "device pin_memory": PLACE,
        "create_graph": "For second derivatives write `autograd_mini.gradients_of(loss, t, create_graph=True)`.",
        "inputs": "All leaves get their gradients; those of some are `autograd_mini.gradients_of(loss, t)`.",
        "has_aux aux": "The function returns the value alone; what else is computed is asked apart, `f(x)`.",
        "holomorphic allow_int allow_unused": "Leave it out: complex arguments are taken as they are.",
        "axis_size axis_name spmd_axis_name randomness": "Leave it out: the size is that of the axis.",
        "vectorize strategy": "Leave it out: the rows are computed all at once.",
    }
)
ARGUMENTS = Rows(
    {
        "argnum": "argnums",
        "gradient grad_output grad_tensors grad": "seed",
        "keep_graph": "retain_graph",
        "fun func function": "f",
        "data value values": "array",
        "in_dims": "in_axes",
        "out_dims": "out_axes",
        "chunk_size": "chunk",
        "trainable": "requires_grad",
    }
)

# What numbers and arrays of a tensor were asked for by, and what does that with its history.
TAKERS = Rows(
    {
        "np.r_": "In place of `np.r_` write `np.concatenate([t, u])`.",
        "np.c_": "In place of `np.c_` write `np.stack([t[0], u[0]], axis=1)`.",
        "np.full np.full_like": "In place of `{}` write `np.broadcast_to(t[0, 0], (2, 3))`.",
        "out[i]=t": (
            "In place of `out[i] = t[i]` write a list, `out = [t[i] for i in range(2)]`, and then `np.stack(out)`."
        ),
        "": "To join several tensors write `np.stack([t, u])`.",
    }
)

# The module `autograd_mini`

NUMPYS = "Write `np.{}(...)`: NumPy's functions take tensors."
MAKES = "Write `Tensor(np.{}(...))`, with `requires_grad=True` for what is to be differentiated."
NETWORKS = "Networks, losses and optimizers are in the package `nn`: `import nn`."

ENGINE = Rows(
    {
        "tensor as_tensor asarray array from_numpy Variable Value variable Parameter leaf": (
            "Write `Tensor([1.0, 2.0], requires_grad=True)`; parameters of a model are `nn.Parameter(array)`."
        ),
        "FloatTensor DoubleTensor LongTensor": "Tensor(np.array([1.0, 2.0], np.float32))",
        "zeros ones eye arange linspace full empty": MAKES,
        "rand randn normal uniform randint randperm": (
            "Write `Tensor(np.random.default_rng(0).standard_normal((2, 3)))`: NumPy's generators make random numbers."
        ),
        "manual_seed seed random PRNGKey set_seed": (
            "A seed is given where it is used: `np.random.default_rng(0)`, `nn.MLP([2, 3], rng=0)`, `nn.fit(..., "
            "rng=0)`."
        ),
        "cat concat concatenate": "np.concatenate([t, u])",
        "exp log sqrt sin cos tanh abs sum mean max min argmax sort where stack clip matmul dot einsum maximum minimum "
        "reshape transpose squeeze outer prod cumsum": NUMPYS,
        "clamp": "np.clip(t, 0.0, 1.0)",
        "mm bmm": "t @ u.T",
        "relu": "np.maximum(t, 0)",
        "sigmoid softmax": "nn.Sigmoid()(t), nn.Softmax()(t)",
        "float16 float32 float64 int32 int64 long float double dtype": "Write NumPy's, such as `np.float32`.",
        "np jnp": "import numpy as np",
        "nn Module Linear optim functional losses layers keras Sequential models Model optimizers SGD Adam": NETWORKS,
        "lax": "NumPy's functions do it, in loops and conditions of Python; `autograd_mini.stop_gradient(t)` is here.",
        "set_grad_enabled inference_mode": (
            "Write `with no_grad(): t * 2`, or `with autograd_mini.enable_grad(): t * 2`."
        ),
        "GradientTape": "Write `loss = np.sum(t * t)` and then `loss.backward()`; or `autograd_mini.grad(f)(x)`.",
        "backward": "loss.backward()",
        "gradient gradients value_and_gradient": "autograd_mini.grad(f)(x)",
        "value_and_jacobian jacfwd jacrev": "autograd_mini.jacobian(f)(x)",
        "make_vjp": "autograd_mini.vjp(f, x)",
        "make_jvp": "autograd_mini.jvp(f, (x,), (x,))",
        "make_hvp hessian_vector_product hessian_tensor_product": "autograd_mini.hvp(f)(x, x)",
        "egrad": "autograd_mini.elementwise_grad(np.tanh)(x)",
        "jit function script trace": "Write `@autograd_mini.compile(model, optimizer)` above a step of training.",
        "pmap shard_map": "There is one computer's memory; `autograd_mini.vmap(f)(x)` goes through examples at once.",
        "remat": "autograd_mini.checkpoint(f)",
        "Function custom_vjp custom_jvp custom_gradient custom_grad defvjp defjvp defvjp_argnum": (
            "Write `@autograd_mini.primitive` above the function, and `autograd_mini.rule` for its derivative; "
            "`help(autograd_mini.rule)` has an example."
        ),
        "extend tracer": "Write `autograd_mini.primitive` and `autograd_mini.rule` for a function of your own.",
        "autograd": "`loss.backward()` and `autograd_mini.grad(f)(x)` are the beginning.",
        "func": (
            "`autograd_mini.grad`, `autograd_mini.vmap`, `autograd_mini.jvp` and the others stand here without it."
        ),
        "set_detect_anomaly detect_anomaly debug_nans": "Write `with autograd_mini.checked(): loss.backward()`.",
        "gradcheck check_grads check_gradients gradgradcheck": (
            "from autograd_mini.testing import check_derivatives; check_derivatives(f, x)"
        ),
        "make_dot draw_dot plot_graph make_graph": "autograd_mini.draw(loss)",
        "save load": "Write `nn.save(path, model)` and `nn.load(path, model)`; of one array, `np.save(path, t.data)`.",
        "device cuda is_available get_device": PLACE,
        "is_tensor": "isinstance(t, Tensor)",
        "detach": "t.detach()",
        "no_gradient": "autograd_mini.no_grad()",
        "utils data DataLoader": "Batches are made by `nn.DataLoader(x, y)`.",
        "tree_map tree_util pytree tree": (
            "Derivatives take nested lists, tuples, dicts and modules as they are: `autograd_mini.grad(f)(x)`."
        ),
        "ops misc numpy_wrapper": "NumPy's and SciPy's functions take tensors as they are: `np.tanh(t)`.",
    }
)


# How they answer


def in_words(answer: str) -> str:
    """An answer as sentences."""
    return answer if "`" in answer or answer.endswith(".") else f"Write `{answer}`."


def no_attribute(owner: str, name: str, rows: Rows, thing: Any, known: Collection[str] = ()) -> AttributeError:
    """The AttributeError for a name that a thing does not have: with its answer, else the nearest of the `known`.

    With neither, Python looks for near names by itself, as it would beside an answer.
    """
    answer = None if name.startswith(PRIVATE) else rows.answers.get(name) or nearly(name, known, rows)
    text = NO_NAME.format(owner=owner, name=name, answer=answer or "")
    return AttributeError(text, name=name) if answer else AttributeError(text.rstrip(". "), name=name, obj=thing)


def nearly(name: str, known: Collection[str], rows: Rows = NONE) -> str | None:
    """The name that may have been meant: one that is there, or else the answer of one that is not."""
    found = nearest(name, known)
    if found is not None:
        return NEAR.format(near=found)
    return rows.answers.get(nearest(name, rows.answers, CUTOFF) or "")


def nearest(name: str, known: Collection[str], cutoff: float = 0.6) -> str | None:
    """The public name that is most like another, if one is; upper and lower case are alike."""
    public = {other.lower(): other for other in known if not other.startswith(PRIVATE)}
    found = difflib.get_close_matches(name.lower(), public, 1, cutoff)
    return public[found[0]] if found else None


class NotCalled(types.ModuleType):
    """The class of a module that has the name of a function elsewhere: a call of it says what to write."""

    def __call__(self, *args: object, **kwargs: object) -> None:  # noqa: ARG002
        owner, _, name = self.__name__.rpartition(".")
        raise TypeError(CALLED_MODULE.format(owner=owner, name=name, answer=ENGINE.answers[name]))


class Parentheses(type):
    """The class of a block: `with no_grad:`, which is not `with no_grad():`, says so."""

    if not TYPE_CHECKING:  # checkers say themselves that a class is no block

        def __enter__(cls) -> None:
            needed = [p for p in inspect.signature(cls).parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
            raise TypeError(BLOCK.format(name=cls.__name__, wanted="..." * bool(needed)))

        def __exit__(cls, *exception: object) -> None:
            """Never reached; Python asks for it first."""


class Name:
    """A name that objects of a class do not have, unless it is set, and that is answered.

    As an attribute of the class it costs the others nothing, which a `__getattr__` would.
    """

    def __init__(self, name: str, owner: str, rows: Rows, settable: bool) -> None:
        self.name, self.owner, self.rows, self.settable = name, owner, rows, settable

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        own = getattr(instance, "__dict__", {})
        if self.name in own:
            return own[self.name]
        raise no_attribute(self.owner, self.name, self.rows, instance)

    def __set__(self, instance: Any, value: Any) -> None:
        if not self.settable or not hasattr(instance, "__dict__"):
            raise no_attribute(self.owner, self.name, self.rows, instance)
        vars(instance)[self.name] = value

    def __repr__(self) -> str:
        return f"<not here: {self.rows.answers[self.name]}>"


def answering(owner: str, rows: Rows, fixed: Collection[str] = ()) -> Callable[[Class], Class]:
    """Let objects of a class answer the names of other libraries; `dir` does not list them; `fixed` are never set."""

    def decorate(cls: Class) -> Class:
        here = set(dir(cls))
        for name in rows.written:
            if name not in here:
                setattr(cls, name, Name(name, owner, rows, name not in fixed))
        listed: Any = cls.__dir__
        own: Any = cls
        own.__dir__ = lambda self: [name for name in listed(self) if name in here or not hidden(self, name)]
        return cls

    return decorate


def hidden(thing: Any, name: str) -> bool:
    """Whether a thing has a name only to answer it."""
    return isinstance(inspect.getattr_static(type(thing), name, None), Name) and not hasattr(thing, name)


def missing(module: str, name: str, rows: Rows, known: Collection[str]) -> Exception:
    """What the `__getattr__` of a module raises: AttributeError, or where it was imported by name, ImportError.

    Python would put an AttributeError there aside, and say in its own words that there is no such name.
    """
    error = no_attribute(f"module {module!r}", name, rows, sys.modules.get(module), known)
    if instruction(sys._getframe(2))[0] == "IMPORT_FROM" and not name.startswith(PRIVATE):
        return ImportError(str(error), name=module)
    return error


def explains(function: Function, rows: Rows, renamed: Rows) -> Function:
    """The same function; where Python refuses how it was called, its error says what to write."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except TypeError as error:
            explain(error, function, kwargs, rows, renamed)
            raise

    return call  # type: ignore[return-value]


def explained(function: Function) -> Function:
    """The same function of the engine, by the engine's tables."""
    return explains(function, CALLS, ARGUMENTS)


def explain(error: TypeError, function: Callable[..., Any], given: Collection[str], rows: Rows, renamed: Rows) -> None:
    """Add to the error of a call whose arguments did not fit what to write in their place."""
    trace = error.__traceback__
    if trace is None or trace.tb_next is not None:
        return  # it came up inside
    parameters = {name: p for name, p in inspect.signature(function).parameters.items() if name != "self"}
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        given = ()
    unknown = [name for name in given if name not in parameters]
    told = (
        answers_of(unknown, parameters, rows, renamed)
        if unknown
        else [rows.answers.get(UNFIT) or called(function, parameters)]
    )
    error.args = (" ".join([f"{error}.", *told]),)


def called(function: Callable[..., Any], parameters: Mapping[str, inspect.Parameter]) -> str:
    """How a function is called, and what it does."""
    needed = [name for name, p in parameters.items() if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD]
    name = function.__qualname__.removesuffix(".__init__")
    form = ", ".join([*needed, *["..."] * (len(needed) < len(parameters))])
    does = (function.__doc__ or "").partition("\n")[0]
    return CALLED.format(name=name, form=form, does=f": {does[0].lower()}{does[1:]}" if does else ".")


def explain_options(error: TypeError, function: Callable[..., Any], given: Collection[str]) -> None:
    """Add to an error of a tensor's method what NumPy calls the keywords that it does not know."""
    unknown = [name for name in given if name in OPTIONS.written]
    if unknown:
        taken = inspect.signature(function).parameters
        error.args = (" ".join([f"{error}.", *answers_of(unknown, taken, NONE, OPTIONS)]),)


def answers_of(unknown: Collection[str], taken: Collection[str], rows: Rows, renamed: Rows) -> list[str]:
    """What to write for keywords: as a table says, or one of the `taken` that has this name elsewhere, or nearly "
    "has."""
    told: dict[str, list[str]] = {}  # each answer, and the names that it is for
    for name in unknown:
        here = next((word for word in renamed.written.get(name, "").split() if word in taken), None)
        if name in rows.answers:
            told.setdefault(rows.answers[name], []).append(f"`{name}=`")
        elif here is not None or (here := nearest(name, taken)) is not None:
            told[f"Write `{here}=` for `{name}=`."] = []
        else:
            told[TAKES.format(known=", ".join(taken) or "no arguments")] = []
    if len(told) == 1:
        return list(told)
    return [
        f"For {', '.join(names)}: {answer[0].lower()}{answer[1:]}" if names else answer
        for answer, names in told.items()
    ]


def instead(frame: Any) -> str:
    """What to write where a frame, of NumPy or of a user, asks for the numbers of a tensor."""
    name = f"np.{frame.f_code.co_name}"
    if instruction(frame)[0] == "STORE_SUBSCR":
        name = "out[i]=t"
    elif name == "np.__getitem__":
        name = {"RClass": "np.r_", "CClass": "np.c_"}.get(type(frame.f_locals.get("self")).__name__, "")
    return f" {TAKERS.answers.get(name, TAKERS.answers[''])}"


def size(tensor: Any) -> Any:
    """How many entries there are: a number, which is not called as PyTorch's is."""
    frame = sys._getframe(1)
    code, place = frame.f_code.co_code, frame.f_lasti
    if code[place] == METHOD_CODE and code[place + 1] & OF_METHOD == OF_METHOD:  # what is read is called at once
        raise TypeError(SIZE)
    return tensor._values.size


def instruction(frame: Any) -> tuple[str, int]:
    """The name of the instruction at which a frame is, and its argument."""
    code, place = frame.f_code.co_code, frame.f_lasti
    return opcode.opname[code[place]], code[place + 1]


def is_text(frame: Any) -> bool:
    """Whether a frame is at `text % values`."""
    name, argument = instruction(frame)
    return name == "BINARY_OP" and OPERATORS[argument][0] in {"NB_REMAINDER", "NB_INPLACE_REMAINDER"}
