"""NumPy itself, for type checkers that are to know what its functions make of tensors.

`from autograd_mini import numpy as np` gives the module `numpy`, nothing else. Here functions that have derivatives, or
constants for results, are declared for tensors too; all other names are as NumPy declares them.
"""
# ruff: noqa: I001 (one import, not one for each name)

import builtins
from typing import Any

import numpy as _numpy
from numpy import (
    False_ as False_,
    ScalarType as ScalarType,
    True_ as True_,
    __array_namespace_info__ as __array_namespace_info__,
    arange as arange,
    array as array,
    array2string as array2string,
    array_repr as array_repr,
    array_str as array_str,
    asanyarray as asanyarray,
    asarray as asarray,
    asarray_chkfinite as asarray_chkfinite,
    ascontiguousarray as ascontiguousarray,
    asfortranarray as asfortranarray,
    asmatrix as asmatrix,
    bartlett as bartlett,
    base_repr as base_repr,
    binary_repr as binary_repr,
    bitwise_count as bitwise_count,
    blackman as blackman,
    bmat as bmat,
    bool as bool,
    bool_ as bool_,
    broadcast as broadcast,
    broadcast_shapes as broadcast_shapes,
    busday_count as busday_count,
    busday_offset as busday_offset,
    busdaycalendar as busdaycalendar,
    byte as byte,
    bytes_ as bytes_,
    c_ as c_,
    cdouble as cdouble,
    char as char,
    character as character,
    clongdouble as clongdouble,
    complex64 as complex64,
    complex128 as complex128,
    complex256 as complex256,
    complexfloating as complexfloating,
    copyto as copyto,
    core as core,
    csingle as csingle,
    ctypeslib as ctypeslib,
    datetime64 as datetime64,
    datetime_as_string as datetime_as_string,
    datetime_data as datetime_data,
    diag_indices as diag_indices,
    double as double,
    dtype as dtype,
    dtypes as dtypes,
    e as e,
    emath as emath,
    empty as empty,
    errstate as errstate,
    euler_gamma as euler_gamma,
    exceptions as exceptions,
    eye as eye,
    f2py as f2py,
    fill_diagonal as fill_diagonal,
    finfo as finfo,
    flatiter as flatiter,
    flexible as flexible,
    float16 as float16,
    float32 as float32,
    float64 as float64,
    float128 as float128,
    floating as floating,
    format_float_positional as format_float_positional,
    format_float_scientific as format_float_scientific,
    from_dlpack as from_dlpack,
    frombuffer as frombuffer,
    fromfile as fromfile,
    fromfunction as fromfunction,
    fromiter as fromiter,
    frompyfunc as frompyfunc,
    fromregex as fromregex,
    fromstring as fromstring,
    full as full,
    gcd as gcd,
    generic as generic,
    genfromtxt as genfromtxt,
    get_include as get_include,
    get_printoptions as get_printoptions,
    getbufsize as getbufsize,
    geterr as geterr,
    geterrcall as geterrcall,
    half as half,
    hamming as hamming,
    hanning as hanning,
    histogram as histogram,
    histogram2d as histogram2d,
    histogram_bin_edges as histogram_bin_edges,
    histogramdd as histogramdd,
    identity as identity,
    iinfo as iinfo,
    index_exp as index_exp,
    indices as indices,
    inexact as inexact,
    inf as inf,
    info as info,
    int8 as int8,
    int16 as int16,
    int32 as int32,
    int64 as int64,
    int_ as int_,
    intc as intc,
    integer as integer,
    intp as intp,
    is_busday as is_busday,
    isdtype as isdtype,
    isfortran as isfortran,
    isnat as isnat,
    isscalar as isscalar,
    issubdtype as issubdtype,
    iterable as iterable,
    ix_ as ix_,
    kaiser as kaiser,
    lcm as lcm,
    lib as lib,
    little_endian as little_endian,
    load as load,
    loadtxt as loadtxt,
    long as long,
    longdouble as longdouble,
    longlong as longlong,
    ma as ma,
    mask_indices as mask_indices,
    matrix as matrix,
    memmap as memmap,
    mgrid as mgrid,
    mintypecode as mintypecode,
    nan as nan,
    ndarray as ndarray,
    ndenumerate as ndenumerate,
    ndindex as ndindex,
    nditer as nditer,
    nested_iters as nested_iters,
    newaxis as newaxis,
    number as number,
    object_ as object_,
    ogrid as ogrid,
    ones as ones,
    packbits as packbits,
    pi as pi,
    place as place,
    poly1d as poly1d,
    polynomial as polynomial,
    printoptions as printoptions,
    promote_types as promote_types,
    put as put,
    put_along_axis as put_along_axis,
    putmask as putmask,
    r_ as r_,
    random as random,
    ravel_multi_index as ravel_multi_index,
    rec as rec,
    recarray as recarray,
    record as record,
    require as require,
    row_stack as row_stack,
    s_ as s_,
    save as save,
    savetxt as savetxt,
    savez as savez,
    savez_compressed as savez_compressed,
    sctypeDict as sctypeDict,
    set_printoptions as set_printoptions,
    setbufsize as setbufsize,
    seterr as seterr,
    seterrcall as seterrcall,
    short as short,
    show_runtime as show_runtime,
    signedinteger as signedinteger,
    single as single,
    str_ as str_,
    strings as strings,
    testing as testing,
    timedelta64 as timedelta64,
    tri as tri,
    tril_indices as tril_indices,
    triu_indices as triu_indices,
    typecodes as typecodes,
    typename as typename,
    typing as typing,
    ubyte as ubyte,
    ufunc as ufunc,
    uint as uint,
    uint8 as uint8,
    uint16 as uint16,
    uint32 as uint32,
    uint64 as uint64,
    uintc as uintc,
    uintp as uintp,
    ulong as ulong,
    ulonglong as ulonglong,
    unique_all as unique_all,
    unique_counts as unique_counts,
    unique_inverse as unique_inverse,
    unpackbits as unpackbits,
    unravel_index as unravel_index,
    unsignedinteger as unsignedinteger,
    ushort as ushort,
    vectorize as vectorize,
    void as void,
    zeros as zeros,
)

from autograd_mini.numpy import fft as fft, linalg as linalg
from autograd_mini.typed import Choice, Fact, Function, Pair, Pieces, Several, Universal, Various

# Entry by entry

abs: Universal
absolute: Universal
acos: Universal
acosh: Universal
add: Universal
arccos: Universal
arccosh: Universal
arcsin: Universal
arcsinh: Universal
arctan: Universal
arctan2: Universal
arctanh: Universal
asin: Universal
asinh: Universal
atan: Universal
atan2: Universal
atanh: Universal
bitwise_and: Universal
bitwise_invert: Universal
bitwise_left_shift: Universal
bitwise_not: Universal
bitwise_or: Universal
bitwise_right_shift: Universal
bitwise_xor: Universal
cbrt: Universal
ceil: Universal
conj: Universal
conjugate: Universal
copysign: Universal
cos: Universal
cosh: Universal
deg2rad: Universal
degrees: Universal
divide: Universal
equal: Universal
exp: Universal
exp2: Universal
expm1: Universal
fabs: Universal
float_power: Universal
floor: Universal
floor_divide: Universal
fmax: Universal
fmin: Universal
fmod: Universal
greater: Universal
greater_equal: Universal
heaviside: Universal
hypot: Universal
invert: Universal
isfinite: Universal
isinf: Universal
isnan: Universal
ldexp: Universal
left_shift: Universal
less: Universal
less_equal: Universal
log: Universal
log10: Universal
log1p: Universal
log2: Universal
logaddexp: Universal
logaddexp2: Universal
logical_and: Universal
logical_not: Universal
logical_or: Universal
logical_xor: Universal
matmul: Universal
matvec: Universal
maximum: Universal
minimum: Universal
mod: Universal
multiply: Universal
negative: Universal
nextafter: Universal
not_equal: Universal
positive: Universal
pow: Universal
power: Universal
rad2deg: Universal
radians: Universal
reciprocal: Universal
remainder: Universal
right_shift: Universal
rint: Universal
sign: Universal
signbit: Universal
sin: Universal
sinh: Universal
spacing: Universal
sqrt: Universal
square: Universal
subtract: Universal
tan: Universal
tanh: Universal
true_divide: Universal
trunc: Universal
vecdot: Universal
vecmat: Universal

# Reductions, shapes, products and all else that gives one tensor

all: Function
amax: Function
amin: Function
angle: Function
any: Function
append: Function
apply_along_axis: Function
apply_over_axes: Function
argmax: Function
argmin: Function
argpartition: Function
argsort: Function
argwhere: Function
around: Function
astype: Function
bincount: Function
block: Function
broadcast_to: Function
choose: Function
clip: Function
column_stack: Function
compress: Function
concat: Function
concatenate: Function
convolve: Function
copy: Function
corrcoef: Function
correlate: Function
count_nonzero: Function
cov: Function
cross: Function
cumprod: Function
cumsum: Function
cumulative_prod: Function
cumulative_sum: Function
delete: Function
diag: Function
diagflat: Function
diagonal: Function
diff: Function
digitize: Function
dot: Function
dstack: Function
ediff1d: Function
einsum: Function
empty_like: Function
expand_dims: Function
extract: Function
fix: Function
flatnonzero: Function
flip: Function
fliplr: Function
flipud: Function
full_like: Function
geomspace: Function
hstack: Function
i0: Function
imag: Function
inner: Function
insert: Function
interp: Function
isclose: Function
iscomplex: Function
isin: Function
isneginf: Function
isposinf: Function
isreal: Function
kron: Function
lexsort: Function
logspace: Function
matrix_transpose: Function
max: Function
mean: Function
median: Function
min: Function
moveaxis: Function
nan_to_num: Function
nanargmax: Function
nanargmin: Function
nancumprod: Function
nancumsum: Function
nanmax: Function
nanmean: Function
nanmedian: Function
nanmin: Function
nanpercentile: Function
nanprod: Function
nanquantile: Function
nanstd: Function
nansum: Function
nanvar: Function
ones_like: Function
outer: Function
pad: Function
partition: Function
percentile: Function
permute_dims: Function
piecewise: Function
poly: Function
polyadd: Function
polyder: Function
polyint: Function
polymul: Function
polysub: Function
polyval: Function
prod: Function
ptp: Function
quantile: Function
ravel: Function
real: Function
real_if_close: Function
repeat: Function
reshape: Function
resize: Function
roll: Function
rollaxis: Function
roots: Function
rot90: Function
round: Function
searchsorted: Function
select: Function
setdiff1d: Function
setxor1d: Function
sinc: Function
sort: Function
sort_complex: Function
squeeze: Function
stack: Function
std: Function
sum: Function
swapaxes: Function
take: Function
take_along_axis: Function
tensordot: Function
tile: Function
trace: Function
transpose: Function
trapezoid: Function
tril: Function
trim_zeros: Function
triu: Function
union1d: Function
unique_values: Function
unwrap: Function
vander: Function
var: Function
vdot: Function
vstack: Function
zeros_like: Function
where: Choice

# Several tensors

divmod: Pair
frexp: Pair
modf: Pair
polydiv: Pair
broadcast_arrays: Several
diag_indices_from: Several
meshgrid: Several
nonzero: Several
tril_indices_from: Several
triu_indices_from: Several
unstack: Several
array_split: Pieces
dsplit: Pieces
hsplit: Pieces
split: Pieces
vsplit: Pieces

# As the options say

atleast_1d: Various
atleast_2d: Various
atleast_3d: Various
average: Various
einsum_path: Various
gradient: Various
intersect1d: Various
linspace: Various
polyfit: Various
unique: Various

# What is known of tensors

allclose: Fact[builtins.bool]
array_equal: Fact[builtins.bool]
array_equiv: Fact[builtins.bool]
can_cast: Fact[builtins.bool]
iscomplexobj: Fact[builtins.bool]
isrealobj: Fact[builtins.bool]
may_share_memory: Fact[builtins.bool]
shares_memory: Fact[builtins.bool]
common_type: Fact[type[Any]]
min_scalar_type: Fact[_numpy.dtype[Any]]
result_type: Fact[_numpy.dtype[Any]]
ndim: Fact[int]
size: Fact[int]
shape: Fact[tuple[int, ...]]
