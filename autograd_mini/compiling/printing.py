"""A program as the text of a NumPy function: the user's names, one comment a line of the user's code."""

from __future__ import annotations

import itertools
import math
import operator
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograd_mini.compiling.loops import DECORATOR
from autograd_mini.compiling.names import Names, code_at
from autograd_mini.compiling.passes.loops import ARITHMETIC, Loop, dtype_of, expression_of, index_of
from autograd_mini.compiling.passes.shares import ROWS, Share, Ways
from autograd_mini.compiling.passes.tiling import Tiles
from autograd_mini.compiling.program import (
    NUMBER_SIGNS,
    PLAIN,
    Accumulated,
    Check,
    Constant,
    Draw,
    Like,
    Line,
    Program,
    SizeCheck,
    Variable,
    is_elementwise,
    join,
    reduction_of,
    same_bits,
)
from autograd_mini.compiling.storage import Place, Storage, aligned
from autograd_mini.compiling.threads import one_thread_each, side_by_side
from autograd_mini.compiling.traced import line_of

SIGNS: dict[Any, str] = {np.add: "+", np.subtract: "-", np.multiply: "*", np.divide: "/"}
TITLES = {"numbers": "Rates and counts", "forward": "Forward", "backward": "Backward", "update": "Update"}
BIG_LOCAL = 2**16  # bytes from which on an array that is made in a call is freed as soon as it can be
WIDTH = 88  # of the code; comments follow
BROAD = 116  # of what is no step's
LONGEST = 64  # of the user's code in a comment


@dataclass
class Text:
    """The text of a program, and what it needs besides NumPy."""

    source: str  # of `build`, which makes the step
    slots: list[Variable]  # the arrays that `build` is given, in order
    state: list[Variable]  # those that it returns with the step: what the step changes in place
    generators: list[Variable]
    arguments: list[Variable]
    numbers: list[Variable]  # what the step is given after its arguments
    counted: list[Variable]  # those of them of which the step returns the next value, after what it returns itself
    values: int  # how many the step returns
    functions: dict[str, Any] = field(default_factory=dict)  # those that it calls, by name
    loops: dict[str, str] = field(default_factory=dict)  # the texts of compiled loops, by name
    constants: dict[str, Any] = field(default_factory=dict)  # arrays and other values, by name


class Printer:
    """Writes one program.

    Parameters
    ----------
    program : Program
    storage : Storage
    title : str
        The first line of the text.
    """

    def __init__(self, program: Program, storage: Storage, title: str) -> None:
        self.program, self.storage, self.title = program, storage, title
        self.names = Names(program)
        self.functions: dict[str, Any] = {}
        self.constants: dict[str, Any] = {}
        self.loops: dict[str, str] = {}
        self.locals: dict[str, str] = {}  # names of numbers in loops
        self.scalars: dict[Any, tuple[str, str]] = {}  # constants of one entry: name and expression
        self.block_names: dict[int, dict[str, str]] = {}  # of each block, in each phase
        self.in_step: set[Variable] = set()  # views that are made in each call
        self.tiles: Tiles | None = None  # those of the line that is printed
        self.row_slices: dict[tuple[int, int, bool], str] = {}
        self.ways: Ways | None = None  # how the line that is printed reads its operands, if threads share it
        self.parts: dict[int, tuple[str, str]] = {}  # of so many rows: those of each thread, and of the one that runs

    # The whole

    def text(self) -> Text:
        """The text."""
        program = self.program
        members = {member: joined.vector for joined in program.joined if joined.is_slot for member in joined.members}
        changed = set(program.updates)
        slots = [v for v in program.slots if v.is_array and self.is_used(v, members, changed)]
        generators = [v for v in program.slots if v.kind == "generator" and self.is_read(v)]
        numbers = [v for v in program.slots if v.kind == "number" and self.is_read(v)]
        for variable in (*program.arguments, *slots, *generators, *numbers):
            self.names.of(variable)
        body = list(self.body())
        state = [v for v in slots if v in changed or v in members]
        numbers_after = [program.updates[v] for v in numbers if v in program.updates]
        copies = [*self.own_values(set(state)), *self.last_copies()]
        values = [*self.ending(), *map(self.operand, numbers_after)]
        head = [
            f'"""{self.title}"""',
            "",
            "import numpy as np",
            "",
            "",
            *wrapped("def build(", [self.names.of(v) for v in (*slots, *generators)], "):"),
            *self.described_build(state),
            *indented(self.memory(state, members)),
            "",
            *(["    @one_thread_each"] if program.shares else []),
            f"    def step({', '.join(self.names.of(v) for v in (*program.arguments, *numbers))}):",
            *indented(indented(laid_out(body + copies))),
            f"        return {', '.join(values) or None}",
            "",
            *wrapped("    return step, [", [self.names.of(v) for v in state], "]"),
            "",
        ]
        source = "\n".join(line.rstrip() for line in head)
        return Text(
            source,
            slots,
            state,
            generators,
            program.arguments,
            numbers,
            [v for v in numbers if v in program.updates],
            len(values),
            self.functions,
            self.loops,
            self.constants,
        )

    def is_read(self, variable: Variable) -> bool:
        return any(variable in line.reads() for line in self.program.lines) or variable in self.program.outputs()

    def is_used(self, variable: Variable, members: Any, changed: Any) -> bool:
        return variable in members or variable in changed or self.is_read(variable)

    def described_build(self, state: list[Variable]) -> list[str]:
        if not state:
            return ['    """Make the step."""']
        return ['    """Make the step, on copies of these arrays; also return the copies that it changes."""']

    def memory(self, state: list[Variable], members: dict[Variable, Variable]) -> list[str]:
        """What is made once: vectors, the shared memory, constants, and views of them."""
        lines = []
        for joined in self.program.joined:
            vector = self.names.of(joined.vector)
            if joined.is_slot:
                flat = ", ".join(f"{self.names.of(m)}.ravel()" for m in joined.members)
                lines.append(f"{vector} = {self.aligned(joined.vector)}")
                lines.append(f"np.concatenate([{flat}], out={vector})")
            else:
                lines.append(f"{vector} = {self.aligned(joined.vector)}")
            if joined.ones:
                lines.append(f"{vector}[-{joined.ones}:] = 1")
            for member, start, stop in joined.parts():
                if joined.is_slot or self.is_named(member):
                    part = f"{vector}[{start}:{stop}]"
                    shape = member.shape
                    lines.append(
                        f"{self.names.of(member)} = {part}" + ("" if len(shape) == 1 else f".reshape({shape})")
                    )
        for variable in state:
            if variable not in members:
                name = self.names.of(variable)
                lines += [f"{name}, given = {self.aligned(variable)}, {name}", f"{name}[...] = given"]
        blocks = self.storage.blocks
        if blocks:
            note = f"# {len(blocks)} arrays share it; apart they would take {self.storage.apart:,} bytes"
            self.functions.setdefault("aligned", aligned)
            lines.append(f"memory = aligned({self.storage.arena:_}, np.uint8)  {note}")
            for block in sorted(blocks, key=lambda block: block.first):
                names = list(self.block_names.get(id(block), {}).values())
                if names:
                    name, *others = names
                    size = math.prod(block.shape) * np.dtype(block.dtype).itemsize
                    view = f"memory[{block.offset}:{block.offset + size}].view({dtype_text(block.dtype)})"
                    lines.append(f"{name} = {view}" + ("" if len(block.shape) == 1 else f".reshape({block.shape})"))
                    lines += [f"{other} = {name}  # in the same place, when that is done with" for other in others]
        for rows, (name, _) in self.parts.items():
            cuts = [rows * i // self.program.threads for i in range(self.program.threads + 1)]
            slices = ", ".join(f"slice({start}, {stop})" for start, stop in itertools.pairwise(cuts))
            lines.append(f"{name} = [{slices}]")
        for (rows, step, is_shared), name in self.row_slices.items():
            if is_shared:
                starts = f"for start in range(part.start, part.stop, {step})"
                cut = f"[slice(start, min(start + {step}, part.stop)) {starts}]"
                lines.append(f"{name} = [{cut} for part in {self.parts[rows][0]}]")
                continue
            ends = f"min(start + {step}, {rows})" if rows % step else f"start + {step}"
            lines.append(f"{name} = [slice(start, {ends}) for start in range(0, {rows}, {step})]")
        made_once = [line for result, line in self.storage.views.items() if result not in self.in_step]
        for line in reversed(made_once):
            if line.result in self.names.given and isinstance(line.args[0], Variable):
                self.names.of(line.args[0])
        views = [(line, self.view_text(line)) for line in made_once if line.result in self.names.given]
        lines += [f"{name} = {expression}" for name, expression in self.scalars.values()]
        return lines + [f"{self.names.of(line.result)} = {text}" for line, text in views]

    def aligned(self, variable: Variable) -> str:
        """Memory for an array that outlives a call."""
        self.functions.setdefault("aligned", aligned)
        shape = variable.shape[0] if len(variable.shape) == 1 else variable.shape
        return f"aligned({shape}, {dtype_text(variable.dtype)})"

    def is_named(self, variable: Variable) -> bool:
        return variable in self.names.given

    def own_values(self, state: set[Variable]) -> Iterator[tuple[str, Line | None]]:
        """Copies of what is returned and lives where it will be changed, or where something else does."""
        self.copied: dict[int, str] = {}
        seen: set[Any] = set()
        for i, (value, fresh) in enumerate(zip(self.program.returned, self.program.fresh, strict=True)):
            if not isinstance(value, Variable | Constant) or not (isinstance(value, Constant) or value.is_array):
                continue
            roots = {value} if isinstance(value, Constant) else self.storage.roots(value)
            given = any(isinstance(r, Constant) or self.storage.places[r].kind in {"argument", "slot"} for r in roots)
            if roots & state or (fresh and (given or value not in roots or roots & seen)):
                self.copied[i] = self.names.fresh(
                    "result" if isinstance(value, Constant) else f"own_{self.names.of(value)}"
                )
                yield f"{self.copied[i]} = {self.operand(value)}.copy()", None
            seen |= roots

    def ending(self) -> list[str]:
        """What the step returns."""
        values = enumerate(self.program.returned)
        return [self.copied.get(i) or self.operand(v) for i, v in values if isinstance(v, Variable | Constant)]

    # The lines of a step

    def body(self) -> Iterator[tuple[str, Line | None]]:
        """The code of each line."""
        needed = {self.storage.root(v) for v in self.program.outputs()}
        self.asked = self.questions()
        gone: list[str] = []
        asked = set(map(id, self.asked.values()))
        for i, line in enumerate(self.program.lines):
            if line.function is join or id(line) in asked:
                continue
            share, tiles = self.program.shares.get(line), self.program.tiles.get(line)
            if share is None:
                yield from self.unshared(line)
            elif line is share.lines[0]:
                yield from self.shared(share)
            group = share or tiles
            gone += [self.names.of(v) for v in dict.fromkeys(line.reads()) if self.ends(v, i, needed)]
            if gone and (group is None or line is group.lines[-1]):
                yield f"del {', '.join(gone)}", None
                gone = []

    def unshared(self, line: Line) -> Iterator[tuple[str, Line | None]]:
        """The code of a line that one thread computes."""
        if line.results and line.result in self.storage.views:
            yield from self.shown(line)
            return
        tiles, loop = self.program.tiles.get(line), self.program.loops.get(line)
        if tiles is not None and line is tiles.lines[0]:
            yield f"for rows in {self.slices(tiles)}:", line
        self.tiles = tiles
        margin = "    " if tiles is not None else ""
        if loop is None:
            yield f"{margin}{self.statement(line)}", line
        elif line is loop.lines[-1]:
            for code in self.looped(loop):
                yield f"{margin}{code}", loop.lines[0]
        self.tiles = None

    def shown(self, line: Line) -> Iterator[tuple[str, Line | None]]:
        """A view, if it is made in each call."""
        if not self.storage.is_static(line.args[0]):
            self.in_step.add(line.result)
            yield f"{self.names.of(line.result)} = {self.view_text(line)}", line

    def shared(self, share: Share) -> Iterator[tuple[str, Line | None]]:
        """A function that computes a thread's rows of some lines, after the memory for what is returned; its call."""
        name, storage, tiled = self.names.fresh("share"), self.storage, self.program.tiles
        for line in share.lines:
            if line.result in storage.views:
                yield from self.shown(line)
            elif self.is_local(line.result):
                shape, dtype = line.result.shape, dtype_text(line.result.dtype)
                yield f"{self.names.of(line.result)} = np.empty({shape}, {dtype})", line
        yield f"def {name}(part):", next(iter(share.ways))
        for count in dict.fromkeys(way.rows for line, way in share.ways.items() if line not in tiled):
            parts, rows = self.parts_of(count)
            yield f"    {rows} = {parts}[part]", None
        for line in share.ways:
            tiles = tiled.get(line)
            if tiles is not None and line is tiles.lines[0]:
                yield f"    for rows in {self.slices(tiles)}[part]:", line
            self.tiles, self.ways = tiles, share.ways[line]
            yield f"{'    ' if tiles is None else '        '}{self.statement(line)}", line
        self.tiles = self.ways = None
        self.functions |= {"side_by_side": side_by_side, "one_thread_each": one_thread_each}
        yield f"side_by_side({name}, {self.program.threads})", None

    def parts_of(self, count: int) -> tuple[str, str]:
        """Of so many rows: the names of those of each thread, and of the one that runs."""
        if count not in self.parts:
            self.parts[count] = self.names.fresh(f"parts_{count}"), self.names.fresh(f"rows_{count}")
        return self.parts[count]

    def questions(self) -> dict[Line, Line]:
        """For each check the line before it, if that makes its condition and nothing else reads that."""
        readers, found = self.program.readers(), {}
        for line, check in itertools.pairwise(self.program.lines):
            asks = isinstance(check.function, Check) and line.results == check.args[:1] and not line.errors
            asks = asks and line not in self.program.shares
            if asks and readers[line.result] == [check] and line.result.is_array and self.is_local(line.result):
                found[check] = line
        return found

    def is_local(self, variable: Variable) -> bool:
        place = self.storage.places.get(variable)
        return place is not None and place.kind == "local"

    def ends(self, variable: Variable, i: int, needed: set[Any]) -> bool:
        """Whether a large array that was made in this call can be freed after line i."""
        place = self.storage.places.get(variable)
        if place is None or place.kind != "local" or variable.nbytes < BIG_LOCAL or variable in needed:
            return False
        return self.storage.last.get(variable) == i and not self.has_views(variable)

    def has_views(self, variable: Variable) -> bool:
        return any(self.storage.root(view) is variable for view in self.storage.views)

    def statement(self, line: Line) -> str:
        """One line of the program."""
        function = line.function
        if isinstance(function, Check):
            return self.check(line)
        if isinstance(function, SizeCheck):
            return f"if {self.operand(line.args[0])}.shape != {function.expected}: raise Deviation({function.what!r})"
        if function in NUMBER_SIGNS and not line.result.is_array:
            left, right = (self.operand(a) for a in line.args)
            return f"{self.names.of(line.result)} = {left} {NUMBER_SIGNS[function]} {right}"
        if function is operator.neg:
            return f"{self.names.of(line.result)} = -{self.operand(line.args[0])}"
        if len(line.results) != 1 or not line.result.is_array or line.packed:
            names = ", ".join(self.names.of(r) for r in line.results) + ("," if line.packed else "")
            return f"{names} = {self.call(line)}"
        result, place = line.result, self.storage.places[line.result]
        if isinstance(function, Accumulated):
            return self.accumulation(line, place)
        if place.kind == "local" and self.ways is None:
            if function in SIGNS and self.is_scalar(result) and any(map(self.is_scalar, line.args)):
                left, right = (self.scalar_operand(a) for a in line.args)
                return f"{self.names.of(result)} = {left} {SIGNS[function]} {right}"
            if function is operator.getitem:
                return f"{self.names.of(result)} = {self.operand(line.args[0])}[{self.index(line.args[1])}]"
            return f"{self.names.of(result)} = {self.call(line)}"
        target = self.names.of(result) if place.kind == "local" else self.target(result, place)
        target = self.some_rows(target, result)
        if function is np.ndarray.astype:
            return f"np.copyto({target}, {self.operand(line.args[0])}, casting='unsafe')"
        return self.call(line, f"out={target}")

    def looped(self, loop: Loop) -> Iterator[str]:
        """The call of a loop, whose text becomes one of the program's."""
        written = Looped(self, loop)
        for line in loop.lines:
            if line.result in loop.inside:
                written.compute(line, self.names.of(line.result))
                continue
            place = self.storage.places[line.result]
            if place.kind == "local":
                target = self.names.of(line.result)
                yield f"{target} = np.empty({line.result.shape}, {dtype_text(line.result.dtype)})"
            else:
                target = self.target(line.result, place)
            written.store(line, written.array(place, target, self.some_rows(target, line.result)))
        text = written.text()
        name = next((name for name, known in self.loops.items() if known.endswith(f"def {name}{text}")), None)
        if name is None:
            name = self.names.fresh("loop")
            self.loops[name] = f"{DECORATOR}\ndef {name}{text}"
        yield f"{name}({', '.join(written.given.values())})"

    def local(self, name: str) -> str:
        """A name for a number of a loop, which no variable of the program has."""
        if name not in self.locals:
            self.locals[name] = self.names.fresh(name)
        return self.locals[name]

    def accumulation(self, line: Line, place: Place) -> str:
        """A product that is added to what is there, w += a.T @ d; BLAS reads arrays in Fortran's order, so as w.T."""
        weights, left, right = map(self.operand, line.args)
        name = line.function.name
        self.functions.setdefault(name, line.function.gemm)
        target, before = weights, ""
        if place.kind == "local":
            target = self.names.of(line.result)
            before = f"{target} = {weights}.copy(); "
        else:
            target = self.target(line.result, place)
        first, second = line.function.turned
        sides = [*(["trans_a=True"] if second else []), *([] if first else ["trans_b=True"])]
        options = ", ".join(["beta=1.0", f"c={target}.T", *sides, "overwrite_c=True"])
        return f"{before}{name}(1.0, {right}.T, {left}.T, {options})"

    def is_scalar(self, value: Any) -> bool:
        """Whether a variable is one of NumPy's scalars when the program runs: the result of a line that makes one."""
        if not isinstance(value, Variable) or value.shape != () or not value.is_array or value.dtype.char not in "fd":
            return False
        place, line = self.storage.places.get(value), value.line
        if place is None or place.kind != "local" or line is None or line.called:
            return False
        return isinstance(line.function, np.ufunc) or reduction_of(line.function) is not None or line.function is np.dot

    def scalar_operand(self, value: Any) -> str:
        """An operand of Python's operators: for these a constant is best a number."""
        if isinstance(value, Constant) and value.shape == () and not value.kept and np.isfinite(value.value):
            return shortest(value.value)
        return self.operand(value)

    def slices(self, tiles: Tiles) -> str:
        """The name of the slices for the rows of tiles."""
        is_shared = tiles.lines[0] in self.program.shares
        if is_shared:
            self.parts_of(tiles.rows)
        key = (tiles.rows, tiles.step, is_shared)
        if key not in self.row_slices:
            self.row_slices[key] = self.names.fresh("tiles")
        return self.row_slices[key]

    def some_rows(self, name: str, value: Any) -> str:
        """Those rows of an array that are computed now, if it has them all."""
        tiles, ways = self.tiles, self.ways
        if not isinstance(value, Variable | Constant):
            return name
        if tiles is None:
            part = ways.of.get(value) if ways is not None else None
            if ways is None or not part:
                return name
            rows = self.parts_of(ways.rows)[1]
            return f"{name}[{rows}]" if part == ROWS else f"{name}[:, {rows}]"
        if value.shape != tiles.lines[0].result.shape:
            return name
        if value in tiles.inside:
            return name if tiles.rows % tiles.step == 0 else f"{name}[: rows.stop - rows.start]"
        return f"{name}[rows]"

    def target(self, result: Variable, place: Place) -> str:
        """The name of the memory that a result is written into, which then is its own."""
        if place.kind == "slot" or (place.kind == "joined" and place.owner is not result):
            name = self.names.of(place.owner)
        elif place.kind == "joined":
            name = self.names.of(result)
        else:
            phases = self.block_names.setdefault(id(place), {})
            phase = result.line.phase if result.line is not None else "forward"
            if phase not in phases:
                tenants = [t for t in self.storage.tenants[place] if t.line is None or t.line.phase == phase]
                telling = [tenant for tenant in tenants if self.names.is_telling(tenant)]
                phases[phase] = self.names.fresh(self.names.hint((telling or tenants)[-1]))
            name = phases[phase]
        self.names.given[result] = name
        return name

    def check(self, line: Line) -> str:
        maker = self.asked.get(line)
        truth = self.operand(line.args[0]) if maker is None else self.question(maker)
        wrong = f"not {truth}" if line.function.expected else truth
        return f"if {wrong}: raise Deviation({line.function.what!r})"

    def question(self, line: Line) -> str:
        """What makes a condition; of scalars in Python's words, which are quicker."""
        if all(map(self.is_scalar, line.args)):
            if line.function is np.isfinite:
                self.functions.setdefault("isfinite", math.isfinite)
                return f"isfinite({self.operand(line.args[0])})"
            if line.function is np.equal:
                return f"({' == '.join(map(self.operand, line.args))})"
        return self.call(line)

    def call(self, line: Line, *more: str) -> str:
        """The call of a line's function."""
        function, args = line.function, line.args
        like = self.kind_of_numbers(line)
        given = [self.operand(a, like) for a in args]
        if isinstance(function, Draw):
            options = [f"{name}={self.value(value)}" for name, value in line.options.items()]
            inside = [*given[1:], *options]
            if more:
                inside = [text for text in options if text.startswith("dtype=")] or (
                    [f"dtype={dtype_text(line.result.dtype)}"]
                )
            return f"{given[0]}.{function.method}({', '.join([*inside, *more])})"
        options = [f"{name}={self.value(value)}" for name, value in line.options.items()]
        name = self.function(line)
        if name.startswith("np.ndarray."):  # NumPy's scalars have these methods too
            name, given = name.replace("np.ndarray", given[0]), given[1:]
        return f"{name}({', '.join([*given, *options, *more])})"

    def kind_of_numbers(self, line: Line) -> Any:
        """The dtype in which an operation on real arrays takes a Python number; None where it is left as it is."""
        if not is_elementwise(line.function):
            return None
        kinds = {
            a.dtype for a in line.args if isinstance(a, Variable | Constant) and getattr(a, "kind", "array") == "array"
        }
        return kinds.pop() if len(kinds) == 1 and next(iter(kinds)).kind == "f" else None

    # Expressions

    def operand(self, value: Any, like: Any = None) -> str:
        """An operand; Python's numbers as arrays of one entry, which NumPy takes quicker, where they have a dtype."""
        if isinstance(value, Variable):
            return self.some_rows(self.names.of(value), value)
        if isinstance(value, Constant):
            return self.some_rows(self.constant(value), value)
        if like is not None and type(value) in (int, float):
            return self.scalar(np.array(value, like))
        return self.value(value)

    def value(self, value: Any) -> str:
        """An option, or a part of one."""
        if isinstance(value, Variable | Constant):
            return self.operand(value)
        if isinstance(value, tuple) and not hasattr(value, "_fields"):
            return "(" + ", ".join(map(self.value, value)) + ("," if len(value) == 1 else "") + ")"
        if isinstance(value, tuple):
            return f"{self.named(type(value), type(value).__name__)}({', '.join(map(self.value, value))})"
        if isinstance(value, list):
            return "[" + ", ".join(map(self.value, value)) + "]"
        if isinstance(value, dict):
            return "{" + ", ".join(f"{self.value(k)}: {self.value(v)}" for k, v in value.items()) + "}"
        if isinstance(value, slice):
            return f"slice({', '.join(map(self.value, (value.start, value.stop, value.step)))})"
        if isinstance(value, np.dtype):
            return dtype_text(value)
        if isinstance(value, type) and (issubclass(value, np.generic) or value in (bool, int, float, complex)):
            return f"np.{value.__name__}" if issubclass(value, np.generic) else value.__name__
        if value is Ellipsis:
            return "..."
        if isinstance(value, PLAIN):
            return number_text(value)
        if isinstance(value, Like):
            return self.named(value, "like")
        return self.named(value, getattr(value, "__name__", type(value).__name__).lower())

    def named(self, value: Any, hint: str) -> str:
        """The name of a value that is given to the program."""
        for name, known in self.constants.items():
            if known is value or (type(known) is type(value) and isinstance(value, Like) and known == value):
                return name
        name = self.names.fresh(hint)
        self.constants[name] = value
        return name

    def constant(self, constant: Constant) -> str:
        value = constant.value
        if value.shape == () and not constant.kept:
            return self.scalar(value)
        for name, known in self.constants.items():
            if isinstance(known, np.ndarray) and (known is value or (not constant.kept and same_bits(known, value))):
                return name
        return self.named(value, "ones" if value.dtype.kind == "f" and np.all(value == 1) else "constant")

    def scalar(self, value: Any) -> str:
        key = (value.dtype.str, value.tobytes())
        if key not in self.scalars:
            text = shortest(value)
            self.scalars[key] = (
                self.names.fresh(f"c_{text.replace('-', 'minus_')}"),
                f"np.array({text}, {dtype_text(value.dtype)})",
            )
        return self.scalars[key][0]

    def index(self, index: Any) -> str:
        """What stands in brackets."""
        if isinstance(index, tuple) and index:
            return ", ".join(map(self.index_part, index)) + ("," if len(index) == 1 else "")
        return self.index_part(index)

    def index_part(self, part: Any) -> str:
        if isinstance(part, slice):
            start, stop, step = ("" if p is None else self.value(p) for p in (part.start, part.stop, part.step))
            return f"{start}:{stop}" + (f":{step}" if step else "")
        return self.value(part)

    def view_text(self, line: Line) -> str:
        """A view of an array."""
        source, rest, options = self.operand(line.args[0]), line.args[1:], line.options
        if line.function is np.transpose and (not rest or rest[0] is None) and not options:
            return f"{source}.T"
        if line.function is operator.getitem:
            return f"{source}[{self.index(rest[0])}]"
        if line.function is np.ndarray.view:
            return f"{source}.view({self.value(rest[0])})"
        if line.function in (np.real, np.imag):
            return f"{source}.{line.function.__name__}"
        inside = [source, *map(self.value, rest), *(f"{name}={self.value(value)}" for name, value in options.items())]
        return f"{self.function(line)}({', '.join(inside)})"

    def function(self, line: Line) -> str:
        """What a function is called in the text."""
        function = line.function
        ufunc = reduction_of(function)
        if ufunc is not None:
            return f"np.{ufunc.__name__}.reduce"
        owner = getattr(function, "__self__", None)
        if isinstance(owner, np.ufunc):
            return f"{numpy_name(owner) or self.given(owner)}.{function.__name__}"
        return numpy_name(function) or self.given(function)

    def given(self, function: Any) -> str:
        """The name of another function, which the program is given."""
        if function is operator.getitem:
            function = np.ndarray.__getitem__
        for name, known in self.functions.items():
            if known is function:
                return name
        hint = getattr(function, "__name__", type(function).__name__)
        name = self.names.fresh("derivative" if hint == "<lambda>" else hint)
        self.functions[name] = function
        return name

    def last_copies(self) -> Iterator[tuple[str, Line | None]]:
        """New values that were not written into their slots."""
        for slot, new in self.program.updates.items():
            if not slot.is_array:
                continue
            if isinstance(new, Variable):
                place = self.storage.places.get(new)
                if place is self.storage.places[slot] or new is slot:
                    continue
            yield f"{self.names.of(slot)}[...] = {self.operand(new)}", None


class Looped:
    """The text of one loop: its parameters, what is read before and in it, and its lines."""

    def __init__(self, printer: Printer, loop: Loop) -> None:
        self.printer, self.shape = printer, loop.shape
        operands = [a for line in loop.lines for a in line.args if isinstance(a, Variable | Constant)]
        indices = [index_of(a, loop.shape) or "" for a in operands]
        self.is_flat = not any("j" in index or index == "i, 0" for index in indices)
        self.at = "i" if self.is_flat else "i, j"
        self.given: dict[str, str] = {}  # parameters, and what they are given
        self.arrays: dict[Any, str] = {}  # by place: the parameter for an array of the whole shape
        self.once: dict[str, str] = {}  # numbers that are the same everywhere
        self.rows: dict[str, str] = {}  # and those that are the same along a row
        self.values: dict[Variable, str] = {}
        self.code: list[str] = []
        self.stores: dict[str, str] = {}

    def compute(self, line: Line, name: str) -> None:
        """Let a name be an entry of the result of a line."""
        kind, function = dtype_of(line), line.function
        first = 1 if function is np.where else 0 if function in ARITHMETIC else len(line.args)
        operands = [self.entry(a, kind, i >= first) for i, a in enumerate(line.args)]
        self.values[line.result] = name
        self.code.append(f"{name} = {expression_of(function).format(*operands)}")

    def store(self, line: Line, array: str) -> None:
        """Compute a line whose result is kept; the last that is put into an array stays there."""
        name = self.printer.local(f"new_{self.printer.names.hint(line.result)}")
        while name in self.values.values():
            name = self.printer.local(f"{name}_too")
        self.compute(line, name)
        self.stores[array] = name

    def array(self, place: Any, name: str, given: str) -> str:
        """The parameter for an array of the whole shape; one for each memory, so that no two can be the same."""
        if place not in self.arrays:
            self.arrays[place], self.given[name] = name, given
        return self.arrays[place]

    def entry(self, value: Any, kind: Any, as_number: bool) -> str:
        """The entry of an operand that belongs to an entry of the result."""
        printer, number = self.printer, dtype_text(kind)
        if isinstance(value, Variable) and not value.is_array:
            name = printer.names.of(value)
            self.given[name] = name
            return self.noted(self.once, f"{name}_as_{kind.name}", f"{number}(float({name}))")
        if not isinstance(value, Variable | Constant):
            return f"{number}({number_text(float(value))})"
        if isinstance(value, Variable) and value in self.values:
            text = self.values[value]
        elif isinstance(value, Constant) and value.shape == () and not value.kept:
            text = f"{dtype_text(value.dtype)}({shortest(value.value)})"
        else:
            text = self.element(value)
        return f"{number}({text})" if as_number and value.dtype.kind == "b" else text

    def element(self, value: Any) -> str:
        """The entry of an array that exists outside of the loop."""
        printer = self.printer
        name = printer.names.of(value) if isinstance(value, Variable) else printer.constant(value)
        index = index_of(value, self.shape) or ""
        if value.shape == self.shape:
            place = printer.storage.places.get(value, value)
            shown = printer.some_rows(name, value)
            is_own = isinstance(value, Constant) or place.kind in {"slot", "block", "joined", "tile"}
            return f"{self.array(place, name, shown if is_own else f'np.ascontiguousarray({shown})')}[{self.at}]"
        if not index:  # one of NumPy's scalars, or an array without axes
            self.given[name] = f"{name}[()]"
            return name
        self.given[name] = name
        if "j" in index:
            return f"{name}[{index}]"
        return self.noted(self.rows if "i" in index else self.once, f"{name}_here", f"{name}[{index}]")

    def noted(self, where: dict[str, str], hint: str, text: str) -> str:
        name = self.printer.local(hint)
        where[name] = text
        return name

    def text(self) -> str:
        """What follows the name of the function."""
        arrays, columns = list(self.arrays.values()), self.shape[-1]
        axes, shape = (1, "-1") if self.is_flat else (2, f"-1, {columns}")
        head = [f"{name} = {name}.reshape({shape})" for name in arrays if len(self.shape) != axes]
        head += [f"{name} = {text}" for name, text in self.once.items()]
        inside = [*self.code, *(f"{array}[{self.at}] = {value}" for array, value in self.stores.items())]
        if self.is_flat:
            body = [f"for i in range({arrays[0]}.size):", *indented(inside)]
        else:
            rows = [f"{name} = {text}" for name, text in self.rows.items()]
            along = [*rows, f"for j in range({columns}):", *indented(inside)]
            body = [f"for i in range({arrays[0]}.shape[0]):", *indented(along)]
        return "\n".join([f"({', '.join(self.given)}):", *indented([*head, *body]), ""])


def laid_out(body: list[tuple[str, Line | None]]) -> list[str]:
    """The code with titles above its phases, and the user's code beside the first of the lines that come from it."""
    width = min(WIDTH, max((len(code) for code, _ in body), default=0))
    lines: list[str] = []
    phase, said = "", ""
    errors: tuple[tuple[str, str], ...] = ()
    for code, line in body:
        margin = code[: len(code) - len(code.lstrip())]
        begins = code.startswith("def ")
        if line is not None:
            now = line.phase if any(r.is_array for r in line.results) or not line.results else "numbers"
            if now != phase and (now != "numbers" or not phase):
                phase, said = now, ""
                lines += [*([""] if lines else []), f"{margin}# {TITLES[phase]}"]
            elif begins:
                lines.append("")
            if line.errors != errors:
                errors = line.errors
                if errors:
                    options = ", ".join(f"{name}={value!r}" for name, value in errors)
                    lines.append(f"with np.errstate({options}):")
        comment = commented(line) if line is not None and not begins else ""
        shown = comment if comment != said else ""
        said = comment or said
        inside = f"    {code}" if errors else code
        lines.append(f"{inside:<{width}}  # {shown}" if shown else inside)
    return lines


def commented(line: Line) -> str:
    """Where a line comes from: the user's line of code, and the module."""
    code = code_at(line.place)
    if not code or line.place is None:
        return f"[{line.scope}]" if line.scope else ""
    module = line.scope.partition(".")[2]
    code = code if len(code) <= LONGEST else f"{code[: LONGEST - 4]} ..."
    return f"{line_of(line.place)}: {code}" + (f"  [{module}]" if module else "")


def wrapped(start: str, items: list[str], end: str) -> list[str]:
    """A list of names on one line, or on several if it is long."""
    line = f"{start}{', '.join(items)}{end}"
    if len(line) <= BROAD:
        return [line]
    margin = " " * (len(start) - len(start.lstrip()))
    lines = textwrap.wrap(
        ", ".join(items) + ",", BROAD, initial_indent=f"{margin}    ", subsequent_indent=f"{margin}    "
    )
    return [start, *lines, f"{margin}{end}"]


def indented(lines: list[str]) -> list[str]:
    return [f"    {line}" if line else "" for line in lines]


def numpy_name(value: Any) -> str:
    """The text of one of NumPy's own functions, types or modules; empty for another's."""
    if value is np:
        return "np"
    name = getattr(value, "__name__", "")
    for path in ("", "ndarray.", "linalg.", "fft.", "random."):  # the last is loaded when it is asked for
        home: Any = getattr(np, path[:-1]) if path else np
        if name and getattr(home, name, None) is value:
            return f"np.{path}{name}"
    owner = getattr(value, "__self__", None)
    return f"np.{owner.__name__}.{name}" if isinstance(owner, np.ufunc) and numpy_name(owner) else ""


def dtype_text(dtype: Any) -> str:
    """A dtype in NumPy's words."""
    dtype = np.dtype(dtype)
    if not dtype.isnative:
        return f"np.dtype({dtype.str!r})"
    return "bool" if dtype.kind == "b" else f"np.{dtype.name}"


def number_text(value: Any) -> str:
    """A plain value; numbers that have no literal by NumPy's name."""
    if isinstance(value, float) and not math.isfinite(value):
        return "np.nan" if math.isnan(value) else ("np.inf" if value > 0 else "-np.inf")
    if isinstance(value, complex):  # its `repr` is a sum, which loses the signs of zeros
        return f"complex({number_text(value.real)}, {number_text(value.imag)})"
    return repr(value)


def shortest(value: Any) -> str:
    """The shortest text of a number of one entry that gives all its bits in its dtype."""
    text = str(value[()]) if value.dtype.kind == "f" and np.isfinite(value) else number_text(value.item())
    return (
        text
        if value.dtype.kind != "f" or np.array(number_of(text), value.dtype).tobytes() == value.tobytes()
        else (number_text(value.item()))
    )


def number_of(text: str) -> float:
    """The number that a text says."""
    return float(text.replace("np.", ""))
