"""Write two pages of docs/coming_from/, `python -m docs.coming_from`: what names of other libraries are here.

The tables are those of `autograd_mini.elsewhere` and `nn.elsewhere`, which errors answer by.
"""

from pathlib import Path

from autograd_mini import elsewhere as engine
from nn import elsewhere as networks

FOLDER = Path(__file__).with_suffix("")

ARRAYS = {
    "Tensors": ("`t.name` elsewhere", engine.TENSOR),
    "Keywords of their methods": ("keyword", engine.OPTIONS),
    "Keywords of tensors and derivatives": ("keyword", engine.CALLS),
    "What those are called here": ("keyword", engine.ARGUMENTS),
    "Joining tensors": ("what takes no tensors", engine.TAKERS),
    "The module `autograd_mini`": ("`torch.name`, `jax.name`, `autograd.name`", engine.ENGINE),
}
NETWORKS = {
    "Layers, losses and training": ("`nn.name` elsewhere", networks.NN),
    "`torch.nn.functional`": ("`F.name`", networks.FUNCTIONAL),
    "`torch.optim`": ("`optim.name`", networks.OPTIM),
    "`torch.nn.utils`": ("`utils.name`", networks.UTILS),
    "Initial weights": ("name", networks.INIT),
    "Learning rates": ("name", networks.SCHEDULES),
    "Models": ("`model.name` elsewhere", networks.MODULE),
    "Optimizers": ("`optimizer.name` elsewhere", networks.OPTIMIZER),
    "Keywords: what they are called here": ("keyword", networks.RENAMED),
    "Keywords of `nn.fit`": ("keyword", networks.FITS),
    "Keywords of layers": ("keyword", networks.LAYERS),
    "Keywords of optimizers": ("keyword", networks.OPTIMIZERS),
    "Keywords of losses": ("keyword", networks.LOSSES),
    "Keywords of others": ("keyword", networks.FUNCTIONS),
    "Keywords of `nn.DataLoader`": ("keyword", networks.LOADERS),
}
PAGES = {
    "names.md": ("Names of arrays and derivatives", ARRAYS, "`t.numpy()` says `t.data`"),
    "names_of_networks.md": ("Names of networks", NETWORKS, "`nn.Dense(3)` says `nn.Linear(4, 3)`"),
}
INTRODUCTION = """\
# {title}

What PyTorch, Keras, JAX, autograd, micrograd and scikit-learn call it, and what to write here. Whoever writes a name
below gets its answer as the last words of the error: {example}. In the answers `t` and `u` are tensors,
`x` and `y` arrays of inputs and targets, `model` is an `nn.Module`. This page is written by
`python -m docs.coming_from` from the tables that errors answer by.
"""
KEYWORDS = engine.OPTIONS, engine.ARGUMENTS, networks.RENAMED


def table(kind: str, rows: engine.Rows) -> list[str]:
    """Lines of a Markdown table, one for each answer."""
    lines = [f"| {kind} | here |", "| --- | --- |"]
    for written, answer in rows.items():
        names = ", ".join(f"`{name}`" for name in written.split()) or "anything else"
        if rows in KEYWORDS:
            here = ", ".join(f"`{name}=`" for name in answer.split()) or "Leave it out."
        else:
            here = engine.in_words(answer).replace("{}", written if len(written.split()) == 1 else "name")
        lines.append(f"| {names} | {here} |".replace("out[i]=t", "out[i] = t[i]"))
    return [*lines, ""]


def written(name: str) -> str:
    """The text of a page."""
    title, sections, example = PAGES[name]
    lines = [INTRODUCTION.format(title=title, example=example)]
    for heading, (kind, rows) in sections.items():
        lines += [f"## {heading}", "", *table(kind, rows)]
    return "\n".join(lines)


if __name__ == "__main__":
    for name in PAGES:
        (FOLDER / name).write_text(written(name))
