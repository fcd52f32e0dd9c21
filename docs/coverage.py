"""Write docs/coverage.md, `python -m docs.coverage`: every public function of NumPy, and its derivative on tensors.

So too every universal function of `scipy.special`. It reads the registry and NumPy's and SciPy's own lists of names;
only the reasons why something has no derivative are said here.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import scipy.special

import autograd_mini.scipy  # noqa: F401 (registers the rules)
from autograd_mini import Tensor
from autograd_mini.primitive import composites, constants, primitives

FILE = Path(__file__).with_suffix(".md")
VERSION, OF_SCIPY = (".".join(module.__version__.split(".")[:2]) for module in (np, scipy))
MADE_FOR = f"of NumPy {VERSION} and SciPy {OF_SCIPY}."
MODULES = (np, np.linalg, np.fft)
DISPATCHED = (np.ufunc, type(np.sum))  # what hands a tensor to the engine

DIFFERENTIABLE, CONSTANT, NONE, MISSING = "differentiable", "constant derivative", "not differentiable", "missing"

REASONS = {
    "takes whole numbers, which are constants": (
        "bitwise_count gcd ix_ lcm packbits ravel_multi_index unpackbits unravel_index"
    ),
    "takes dates": "busday_count busday_offset datetime_as_string datetime_data is_busday isnat",
    "writes into its argument; a tensor never changes: `at(t)[index].set(v)`, `np.where`": (
        "copyto fill_diagonal place put put_along_axis putmask"
    ),
    "makes text or a file of the values: use `t.data`": (
        "array2string array_repr array_str format_float_positional format_float_scientific base_repr binary_repr "
        "save savetxt savez savez_compressed"
    ),
    "gives what `np.unique` gives, which has a derivative": "unique_all unique_counts unique_inverse",
    "counts, which jump when an entry passes an edge of a bin": "histogram histogram2d histogramdd histogram_bin_edges",
    "makes an array of plain numbers, and refuses a tensor that requires grad: `np.stack` joins tensors": (
        "array asanyarray asarray asarray_chkfinite ascontiguousarray asfortranarray asmatrix bmat full require arange "
        "fromiter"
    ),
    "takes no array of values": (
        "bartlett blackman broadcast_shapes diag_indices empty eye fftfreq from_dlpack frombuffer fromfile "
        "fromfunction fromregex fromstring genfromtxt hamming hanning identity indices kaiser load loadtxt "
        "mask_indices ones rfftfreq tri tril_indices triu_indices zeros"
    ),
    "calls Python for single numbers of arrays, and refuses a tensor that requires grad": "frompyfunc nested_iters",
    "asks about types or tells about NumPy": (
        "get_include get_printoptions getbufsize geterr geterrcall info isdtype isfortran isscalar issubdtype iterable "
        "mintypecode printoptions promote_types set_printoptions setbufsize seterr seterrcall show_config show_runtime "
        "test typename"
    ),
}

# Universal functions of `scipy.special`
SPECIAL_REASONS = {
    "solved for a shape parameter, by which the distribution function has no derivative in closed form": (
        "bdtrik bdtrin btdtria btdtrib chdtriv chndtridf fdtridfd gdtrib nbdtrik nbdtrin ncfdtridfd ncfdtridfn "
        "ncfdtrinc nctdtridf nctdtrinc pdtrik stdtridf"
    ),
    "its density is a series that no function here is": "ncfdtr ncfdtri nctdtr nctdtrit",
    "the slope of the zeta function by its argument is not among SciPy's functions: `autograd_mini.scipy.special.zeta` "
    "has a derivative by q": "zetac",
    "its slope is a sum of as many terms as there are samples": "smirnov smirnovi",
    "a product of `airy`, which has a derivative, and an exponential": "airye",
    "the recurrences for its slope cancel beside -1 and 1; those of order 0 are `eval_legendre`": "lpmv",
    "characteristic values, whose slopes are integrals of the functions": "mathieu_a mathieu_b obl_cv pro_cv",
    "the second result is the slope of the first; SciPy has no third": (
        "obl_ang1 obl_ang1_cv obl_rad1 obl_rad1_cv obl_rad2 obl_rad2_cv pro_ang1 pro_ang1_cv pro_rad1 pro_rad1_cv "
        "pro_rad2 pro_rad2_cv"
    ),
}

# The functions that a model or a scientific program may expect to be differentiable.
FAMILIES = {
    "Universal functions": (
        "add subtract multiply divide true_divide power pow float_power negative positive absolute abs fabs sqrt "
        "square cbrt reciprocal exp expm1 exp2 log log1p log2 log10 logaddexp logaddexp2 sin cos tan arcsin "
        "arccos arctan arctan2 asin acos atan atan2 sinh cosh tanh arcsinh arccosh arctanh asinh acosh atanh "
        "hypot sinc degrees radians deg2rad rad2deg remainder mod fmod divmod modf copysign fmax fmin maximum "
        "minimum heaviside sign floor ceil rint trunc fix round around floor_divide matmul vecdot matvec vecmat "
        "conj conjugate real imag angle"
    ),
    "Reductions": (
        "sum mean prod max min amax amin ptp std var average median quantile percentile nansum nanmean nanprod "
        "nanmax nanmin nanstd nanvar nanmedian nanquantile nanpercentile cumsum cumprod nancumsum nancumprod "
        "cumulative_sum cumulative_prod trapezoid diff ediff1d gradient trace"
    ),
    "Shapes": (
        "reshape ravel transpose permute_dims matrix_transpose moveaxis swapaxes rollaxis roll rot90 flip fliplr "
        "flipud squeeze expand_dims broadcast_to broadcast_arrays tile repeat pad concatenate concat stack vstack "
        "hstack dstack column_stack block append split array_split vsplit hsplit dsplit unstack atleast_1d "
        "atleast_2d atleast_3d meshgrid resize copy astype"
    ),
    "Indexing": (
        "take take_along_axis where select choose compress extract diag diagonal diagflat tril triu vander sort "
        "partition clip nan_to_num interp delete insert trim_zeros"
    ),
    "Polynomials": "poly polyadd polyder polydiv polyfit polyint polymul polysub polyval roots",
    "Ranges": "linspace logspace geomspace",
    "Statistics": "cov corrcoef bincount",
    "Products": "dot vdot inner outer tensordot einsum kron cross convolve correlate",
    "linalg": (
        "linalg.inv linalg.pinv linalg.det linalg.slogdet linalg.solve linalg.lstsq linalg.cholesky linalg.qr "
        "linalg.svd linalg.svdvals linalg.eigh linalg.eigvalsh linalg.eig linalg.matrix_power linalg.norm "
        "linalg.vector_norm linalg.matrix_norm linalg.cond linalg.multi_dot"
    ),
    "fft": (
        "fft.fft fft.ifft fft.rfft fft.irfft fft.fft2 fft.ifft2 fft.rfft2 fft.irfft2 fft.fftn fft.ifftn fft.rfftn "
        "fft.irfftn fft.fftshift fft.ifftshift"
    ),
}

# Methods of arrays that a tensor has no use for.
METHODS_ASIDE = {
    "changes the array": "byteswap fill partition put resize setfield setflags sort",
    "makes text, a file or bytes of the values: use `t.data`": "dump dumps tobytes tofile",
    "is about memory: use `t.data`": "getfield view",
}


class Entry(NamedTuple):
    """One public name: what a tensor does there, and how or why."""

    name: str
    status: str
    note: str


def looked_up(name: str) -> Any:
    """The object that `np.<name>` names, or None where this NumPy has none."""
    found: Any = np
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


def by_name(groups: dict[str, str]) -> dict[str, str]:
    """Each name in groups of names, with its group."""
    return {name: group for group, names in groups.items() for name in names.split()}


def is_zero(function: Any) -> bool:
    """Whether every rule of a primitive gives zeros, or a composite calls such primitives alone."""
    if function in primitives:
        rules = [vjp for vjp in primitives[function].vjps if vjp is not None]
        return all(set(vjp.__code__.co_names) in ({"np", "zeros_like"}, {"zeros"}) for vjp in rules)
    calls = set(composites[function].__code__.co_names) - {"np"}
    called = [getattr(np, name, None) for name in calls]
    return bool(calls) and all(g in primitives and is_zero(g) for g in called)


def classified(name: str, function: Any, reason: str | None) -> Entry:
    """What becomes of `function` on a tensor."""
    if isinstance(function, np.ufunc) and not hasattr(np, function.__name__) and function in composites:
        return Entry(name, DIFFERENTIABLE, composites[function].__doc__ or "made of others")
    if function in constants:
        return Entry(name, CONSTANT, "the result holds no values of the argument")
    if function in primitives or function in composites:
        if is_zero(function):
            return Entry(name, CONSTANT, "zero")
        return Entry(name, DIFFERENTIABLE, "rule" if function in primitives else "made of others")
    if name == "np.row_stack":  # an old name, and a function that calls the new one
        return Entry(name, DIFFERENTIABLE, "calls `np.vstack`")
    return Entry(name, NONE if reason else MISSING, reason or "raises and names itself")


def functions() -> Iterator[Entry]:
    """Every public function of NumPy's main modules; no types, which hold no rules."""
    reasons = by_name(REASONS)
    for module in MODULES:
        prefix = module.__name__.replace("numpy", "np")
        for name in sorted(module.__all__):
            function = getattr(module, name)
            if callable(function) and not isinstance(function, type):
                yield classified(f"{prefix}.{name}", function, reasons.get(name))


def special_functions() -> Iterator[Entry]:
    """Every universal function of `scipy.special`."""
    reasons = by_name(SPECIAL_REASONS)
    for name, function in sorted(vars(scipy.special).items()):
        if isinstance(function, np.ufunc):
            yield classified(f"scipy.special.{name}", function, reasons.get(name))


def methods() -> Iterator[Entry]:
    """Every public method and attribute of arrays that gives values."""
    reasons = by_name(METHODS_ASIDE)
    for name in sorted(vars(np.ndarray)):
        if name.startswith("_") or not callable(getattr(np.ndarray, name)):
            continue
        if hasattr(Tensor, name):
            yield Entry(name, "there", "")
        else:
            yield Entry(name, NONE if name in reasons else MISSING, reasons.get(name, "`np." + name + "(t)`"))


def missing_of_families() -> dict[str, list[str]]:
    """The names of each family, of those this NumPy has, that have neither a rule nor a constant derivative."""
    registered = {*primitives, *composites, *constants}
    found = {family: [(n, looked_up(n)) for n in names.split()] for family, names in FAMILIES.items()}
    return {f: [n for n, g in names if g is not None and g not in registered] for f, names in found.items()}


def table(header: tuple[str, ...], rows: list[tuple[Any, ...]]) -> list[str]:
    """Lines of a Markdown table."""
    lines = [header, ("---",) * len(header), *rows]
    return [f"| {' | '.join(map(str, line))} |" for line in lines] + [""]


def written() -> str:
    """The text of docs/coverage.md."""
    entries, of_scipy = list(functions()), list(special_functions())
    missing = missing_of_families()
    statuses = (DIFFERENTIABLE, CONSTANT, NONE, MISSING)
    count = [(status, *(sum(e.status == status for e in part) for part in (entries, of_scipy))) for status in statuses]
    lines = [
        "# What is differentiable",
        "",
        f"Made by `python -m docs.coverage` from the registry and the public names {MADE_FOR}",
        "A name without a rule raises on a tensor that requires grad; no gradient is lost in silence.",
        "",
        *table(("", "functions of NumPy", "universal functions of `scipy.special`"), count),
        "## Families",
        "",
        *table(
            ("family", "functions", "missing"),
            [(f, len(names.split()), ", ".join(missing[f]) or "none") for f, names in FAMILIES.items()],
        ),
        "## Functions",
        "",
        *table(("name", "derivative", "how, or why not"), [(f"`{e.name}`", e.status, e.note) for e in entries]),
        "## Universal functions of `scipy.special`",
        "",
        "They take tensors as they are: `scipy.special.erf(t)`. What is called constant raises for a tensor that",
        "requires grad. `autograd_mini.scipy.special` has the functions that are not universal ones.",
        "",
        *table(("name", "derivative", "how, or why not"), [(f"`{e.name}`", e.status, e.note) for e in of_scipy]),
        "## Methods of arrays",
        "",
        *table(("method", "of a tensor", "instead"), [(f"`{e.name}`", e.status, e.note) for e in methods()]),
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    FILE.write_text(written())
    for part in (functions, special_functions):
        statuses = [entry.status for entry in part()]
        print(part.__name__, {status: statuses.count(status) for status in (DIFFERENTIABLE, CONSTANT, NONE, MISSING)})
        print([entry.name for entry in part() if entry.status == MISSING])
    print({family: names for family, names in missing_of_families().items() if names})
    print([e.name for e in methods() if e.status == MISSING])
