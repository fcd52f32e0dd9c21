"""The messages of all errors: what was written, why it cannot work, what to write instead."""

NOT_SCALAR = (
    "backward() was called on a tensor of shape {shape}. A gradient is of one number, and this is not one. "
    "Write `t.sum().backward()`, or give the cotangent: `t.backward(seed)` with a seed of shape {shape}."
)
NO_GRAPH = (
    "backward() was called on a tensor that depends on nothing with requires_grad=True, so there is nothing to "
    "differentiate. Write `Tensor(array, requires_grad=True)` for the inputs, and compute outside of `no_grad()`."
)
FREED = (
    "backward() reached {name}, which an earlier backward() has freed. Detach what is carried from step to step, such "
    "as a state: `h = h.detach()`. To go back twice, write `backward(retain_graph=True)` first, or compute it again."
)
SEED_SHAPE = (
    "{call} was given a seed of shape {got} for a result of shape {want}. The seed is dL/d(result), one number for "
    "each entry: pass an array of shape {want}."
)
SEED_TYPE = "{call} was given a seed of dtype {got} for a result of dtype {want}. Pass numbers that {want} can hold."
NO_RULE = (
    "{name} was called on a tensor that requires grad, but it has no derivative rule, and without one the gradient "
    "would be lost in silence. Write `rule({name}, lambda g, out, x: g * ...)` to give it one (see "
    "`help(autograd_mini.rule)`), or pass `t.detach()` if no gradient should flow through it."
)
NO_RULE_FOR_ARGUMENT = (
    "{name} was called with a tensor that requires grad as argument {position}, for which it has no rule. Pass "
    "`t.detach()` if no gradient should flow through it, or give `rule({name}, ...)` one rule for each argument."
)
RULE_SIGNATURE = (
    "A rule was given with the parameters ({parameters}), but a rule is called with the cotangent, the output and "
    "each of the operands. Write `lambda {needed}: ...`, with a leading underscore on each name that it does not read."
)
NO_RESULT = (
    "{name} returned a {kind}, through which no gradient flows. A primitive returns an array, a number, or a tuple of "
    "them for several results."
)
NO_METHOD = (
    "{name}.{method} was called on a tensor that requires grad, but only `{name}(...)` itself has a rule. "
    "Use it, or pass `t.detach()` if no gradient should flow through it."
)
NO_OUT = (
    "{name} was given `out=` together with a tensor. A tensor in a graph is never written into, because its old "
    "value may be needed by a rule. Write `result = {name}(...)`."
)
NO_OPTION = (
    "{name} was called on a tensor with the keyword `{option}`, which its derivative rule does not know "
    "(it knows: {known}). Leave the keyword out, or pass `t.detach()` if no gradient should flow."
)
TENSOR_OPTION = (
    "{name} was given a tensor that requires grad as its keyword `{option}`, through which no gradient flows. "
    "Pass `t.detach()` if that is what you mean."
)
TO_ARRAY = (
    "A tensor that requires grad was turned into a plain {kind}, which would drop it out of the graph in silence. "
    "Use `np.*` functions on the tensor itself, or write `t.detach()` for a tensor and `t.data` for an array "
    "without history{item}.{instead}"
)
INTEGER_GRAD = (
    "Tensor(..., requires_grad=True) was given values of dtype {dtype}, which cannot change by small amounts, so "
    "there is no derivative. Write floating-point numbers: `Tensor(np.asarray(x, dtype=float), requires_grad=True)`."
)
BAD_DTYPE = (
    "Tensor(...) was given {what}. A tensor holds numbers or booleans. Convert first, e.g. "
    "`np.asarray(x, dtype=float)`."
)
BAD_OPERAND = (
    "A tensor was combined with {what}, through which no gradient flows. Write an array of numbers, such as "
    "`np.asarray(x, dtype=float)` or, for a masked array, `m.filled(0)`."
)
GENERATOR = (
    "@{block}() was written above the generator function {name}, whose body runs when it is iterated, not when it is "
    "called. Write `with {block}():` inside it, around what does not yield."
)
IN_PLACE = (
    "`t {operator} ...` was written for a tensor that requires grad and that you made. The name would then mean a "
    "result with a history, and the tensor itself would never change. To update a parameter write "
    "`with no_grad(): t {operator} ...`, or `t.data = ...`; for a new value write `u = t {short} ...`."
)
EXTRA_ARGUMENTS = "{name} takes {count} arguments by position, but {given} were given. Leave the others out."
TENSOR_OF_TENSOR = (
    "Tensor(...) was given a tensor that requires grad; a copy would lose its history in silence. Use the tensor "
    "as it is, `np.stack([...])` to join several, or `t.detach()` for a copy without history."
)
TENSOR_INSIDE = (
    "{name} was given a {kind} that holds a tensor that requires grad, and no gradient flows through that. Make each "
    "tensor an argument of its own, `f(t, u)`; or, for any number of them, write `rule(f, ..., variadic=True)` and "
    "call `f([t, u])`. Pass `t.detach()` if no gradient is wanted."
)
ASSIGNMENT = (
    "`t[index] = value` was written for a tensor. A tensor in a graph is never written into, because its old value "
    "may be needed by a rule. Write `t = t.at[index].set(value)`, which makes a new one."
)
WRITING = (
    "{name} was called to write into a tensor. A tensor is never written into, because its old value may be needed "
    "by a rule. Write `t = t.at[index].set(value)`, which makes a new one."
)
TRUTH = (
    "A tensor of shape {shape} was used as a truth value. It has {size} entries, each true or false. Write "
    "`(...).any()` or `(...).all()`; to choose entry by entry write `np.where(condition, a, b)`."
)
ITEM = "item() was called on a tensor of shape {shape}, which is not one number. Index it first: `t[i].item()`."
CALL_FAILED = "{name} was called on operands of {operands}: {reason}"
RULE_FAILED = "The rule of {name} for argument {position} failed on operands of {operands}: {reason}"
COTANGENT = (
    "The rule of {name} for argument {position} returned a cotangent of {got}, but the operand is of {want}. "
    "A rule returns dL/d(operand), of the operand's shape and dtype."
)
DATA_OF_VMAP = (
    "`.data` of {tensor} was given values that differ among the {size} examples of a vmap, after which they mean "
    "nothing. Return them from the function, and assign what `vmap` returns."
)
DATA_REPLACED = (
    "`t.data = ...` was given an array of shape {got_shape} and dtype {got_dtype} for a tensor of shape {shape} and "
    "dtype {dtype}. Graphs that hold the tensor rely on both. Make a new tensor, or convert: "
    "`np.asarray(x, dtype='{dtype}').reshape({shape})`."
)
DATA_OF_RESULT = (
    "`t.data = ...` was written for the result of {name}. Its history would then tell of another value. Only "
    "tensors that you made hold data of their own; write `t.detach()` for one."
)
REQUIRES_GRAD_OF_RESULT = (
    "`t.requires_grad = ...` was written for the result of {name}, which has a history. Write `t.detach()` for a "
    "tensor without one."
)
GRAD_SHAPE = (
    "`t.grad = ...` was given {got} for a tensor of shape {shape} and dtype {dtype}. A gradient has the shape and "
    "dtype of its tensor; write `t.grad = None` to clear it."
)
GRAD_OF_RESULT = (
    "`t.grad = ...` was written for a tensor that is no leaf with requires_grad=True; gradients collect only there. "
    "Write `Tensor(t.data, requires_grad=True)` for a leaf of the same values."
)
NOT_A_HOOK = "register_hook() was given a {what}. Write a function of the gradient, such as `lambda g: 0.5 * g`."
NO_GRADIENT_FOR_HOOK = (
    "{method}() was called on {tensor}, which does not require grad, so no gradient comes to it. Write "
    "`Tensor(array, requires_grad=True)` for a leaf; call it on a result of such a one, made outside of `no_grad()`."
)
HOOK_RESULT = (
    "A hook of {tensor} returned {got}, but its gradient is of {want}. Make it return an array of that shape and "
    "dtype, such as `0.5 * g`, `np.clip(g, -1, 1)` or `(...).astype('{dtype}')`, or None to leave it as it is."
)
HOOK_HISTORY = (
    "A hook of {tensor} returned a tensor that requires grad, in a backward that is not recorded, so its history would "
    "be lost in silence. Write `.detach()` for it, or differentiate at a tensor that requires grad instead of an array."
)
IN_HOOK = "This came up in a hook of {tensor}, which is called with the gradient and returns another, or None."
PICKLE = (
    "A tensor that was computed ({name}) was pickled. A pickle holds values, not a history, which would be lost in "
    "silence. Write `t.detach()`, or copy it with its history: `copy.deepcopy(t)`."
)


def describe(*values: object) -> str:
    """Shapes and dtypes in words, for a message: `shapes (2, 3) float64 and (4,) float32`."""
    return " and ".join(
        f"shape {v.shape} {v.dtype}" if hasattr(v, "shape") and hasattr(v, "dtype") else f"value {v!r}" for v in values
    )
