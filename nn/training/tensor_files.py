"""Files of named arrays: safetensors with a checksum, replaced as a whole or not at all. What the arrays mean is not
known here."""

from __future__ import annotations

import contextlib
import json
import os
import re
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
FilePath = str | os.PathLike[str]

KEY = "autograd_mini"  # of the file's metadata: one entry, since safetensors writes several in a random order
DTYPES = {
    "BOOL": "?", "I8": "i1", "U8": "u1", "I16": "<i2", "U16": "<u2", "I32": "<i4", "U32": "<u4", "I64": "<i8",
    "U64": "<u8", "F16": "<f2", "F32": "<f4", "F64": "<f8", "C64": "<c8",
}  # fmt: skip
HELD = {np.dtype(code) for code in DTYPES.values()}

NO_SAFETENSORS = 'Files of weights need safetensors. Write `pip install "autograd-mini[weights]"`.'
DTYPE = (
    "{path} cannot hold {name} of dtype {got}: safetensors knows bool, integers, float16, float32, float64 and "
    "complex64. Convert it first, e.g. `model.astype(np.float32)`; complex128 can be kept as two arrays."
)
NAME = "{path} cannot hold an array under the name {name!r}. Names are texts, and `__metadata__` is safetensors' own."
FACT = "{path} cannot hold {name} = {value!r}: numbers that are finite, texts, True, False and None are kept."
FOLDER = "{path} is a {what}, not a file. Write the name of a file, such as {path}/model.safetensors."
NO_FOLDER = "{path} cannot be written: there is no directory {parent}. Make it first: `Path(...).mkdir(parents=True)`."
DAMAGED = (
    "{path} is no valid safetensors file: {reason}. It was cut short, overwritten or never one; nothing was loaded. "
    "Use another copy."
)
CHECKSUM = (
    "{path} was changed after it was written: its content does not match its checksum. Nothing was loaded. Use another "
    "copy."
)
FOREIGN = (
    "{path} was not written by `nn.save`: it has no checksum and no state besides arrays. Load the weights in it with "
    "`nn.load_weights({name!r}, model)`."
)


def write(path: FilePath, arrays: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
    """Put the arrays, and facts that JSON can hold, into a file; until it is complete the old one stays.

    Raises
    ------
    TypeError, ValueError
        If safetensors cannot hold one of the arrays, or JSON one of the facts.
    OSError
        If the file cannot be written; the old one is as it was.
    """
    replace(path, serialised(path, arrays, facts))


def serialised(path: FilePath, arrays: Mapping[str, Any], facts: Mapping[str, Any]) -> bytes:
    """The content of the file."""
    library = safetensors()
    plain = {}
    for name, array in arrays.items():
        if not isinstance(name, str) or name == "__metadata__":
            raise ValueError(NAME.format(path=path, name=name))
        plain[name] = as_plain(path, name, array)
    try:
        text = canonical(facts)
    except ValueError as error:
        name, value = next(unfit(facts), ("the facts", str(error)))
        raise ValueError(FACT.format(path=path, name=name, value=value)) from error
    record = canonical({"facts": json.loads(text), "sha256": digest(text, plain)})
    return library.numpy.save(plain, metadata={KEY: record})


def read(path: FilePath) -> tuple[dict[str, Array], dict[str, Any] | None]:
    """The arrays in a file, and the facts if `write` made it, then with the checksum verified.

    Raises
    ------
    ValueError
        If the file is damaged in any way.
    OSError
        If it cannot be read.
    """
    library = safetensors()
    content = contents(path)
    try:
        tensors = library.deserialize(content)
        header = parse(content[8 : 8 + int.from_bytes(content[:8], "little")].decode())
        arrays = {name: as_array(tensor) for name, tensor in tensors}
        record = header.get("__metadata__", {}).get(KEY)
        if record is None:
            return arrays, None
        record = parse(record)
        facts, sum = record["facts"], record["sha256"]
    except (library.SafetensorError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError(DAMAGED.format(path=path, reason=str(error) or type(error).__name__)) from error
    if not isinstance(facts, dict) or sum != digest(canonical(facts), arrays):
        raise ValueError(CHECKSUM.format(path=path))
    return arrays, facts


def safetensors() -> ModuleType:
    """The library, or an error that names the extra."""
    try:
        import safetensors.numpy
    except ImportError as error:
        raise ImportError(NO_SAFETENSORS) from error
    return safetensors


# Arrays and facts


def as_plain(path: FilePath, name: str, array: Any) -> Array:
    """Little-endian and in C order: safetensors takes any memory as if it were so, and would store wrong numbers."""
    array = np.asarray(array)
    dtype = array.dtype.newbyteorder("<")
    if dtype not in HELD:
        raise TypeError(DTYPE.format(path=path, name=name, got=array.dtype))
    return np.array(array, dtype=dtype, order="C", copy=None)


def as_array(tensor: Mapping[str, Any]) -> Array:
    """An array of its own memory; bfloat16, which NumPy lacks, becomes the float32 of the same value."""
    kind, shape, data = tensor["dtype"], tensor["shape"], tensor["data"]
    if kind == "BF16":
        return (np.frombuffer(data, "<u2").astype("<u4") << 16).view("<f4").reshape(shape)
    if kind not in DTYPES:
        raise ValueError(f"it holds numbers of kind {kind}, which NumPy does not have")
    array = np.frombuffer(data, DTYPES[kind]).reshape(shape)
    if kind == "BOOL" and array.view("u1").max(initial=0) > 1:
        raise ValueError("it holds truth values that are neither 0 nor 1")
    return array.astype(array.dtype.newbyteorder("="))


def canonical(facts: Any) -> str:
    """One text for one value."""
    return json.dumps(facts, allow_nan=False, sort_keys=True, separators=(",", ":"))


def parse(text: str) -> Any:
    """JSON without what is not JSON: names twice, NaN and infinity."""

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in items]
        twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
        if twice:
            raise ValueError(f"its header has {twice[0]!r} twice")
        return dict(items)

    def constant(word: str) -> Any:
        raise ValueError(f"its header holds {word}")

    return json.loads(text, object_pairs_hook=pairs, parse_constant=constant)


def unfit(facts: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """The numbers among the facts that JSON does not have."""
    if isinstance(facts, Mapping):
        for key, value in facts.items():
            yield from unfit(value, f"{name}.{key}" if name else str(key))
    elif isinstance(facts, float) and not np.isfinite(facts):
        yield name, facts


def digest(text: str, arrays: Mapping[str, Array]) -> str:
    """SHA-256 of the facts and of every array with its name, dtype and shape."""
    import hashlib  # as shutil below: slow to load, and needed to save and to load alone

    sum = hashlib.sha256(text.encode())
    for name in sorted(arrays):
        plain = as_plain("", name, arrays[name])
        sum.update(canonical([name, plain.dtype.str, plain.shape]).encode())
        sum.update(plain.reshape(-1).view("u1").data)
    return sum.hexdigest()


# Files


def contents(path: FilePath) -> bytes:
    """The bytes of a file, which is none of the things that look like one."""
    path = Path(path)
    if path.exists() and not path.is_file():
        raise IsADirectoryError(FOLDER.format(path=path, what="directory" if path.is_dir() else "device"))
    return path.read_bytes()


def replace(path: FilePath, content: bytes) -> None:
    """Give a file new content such that whoever is interrupted at any moment leaves the old or the new one, whole.

    A temporary file beside it is written, brought to the disk and renamed; then the directory is brought to the disk.
    A link stays, and the file that it leads to is replaced.
    """
    import shutil

    target = checked_target(path)
    remove_leftovers(target)
    temporary = target.with_name(f".{target.name}.{os.getpid()}-{threading.get_ident()}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, temporary)
        temporary.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    if os.name == "posix":
        directory = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def checked_target(path: FilePath) -> Path:
    """The file that will be replaced, if there can be one."""
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        raise IsADirectoryError(FOLDER.format(path=path, what="directory" if target.is_dir() else "device"))
    if not target.parent.is_dir():
        raise FileNotFoundError(NO_FOLDER.format(path=path, parent=target.parent))
    return target


def remove_leftovers(target: Path) -> None:
    """Delete the temporary files of processes that were killed while they wrote this file."""
    if os.name != "posix":  # elsewhere asking for a process could end it
        return
    pattern = re.compile(rf"\.{re.escape(target.name)}\.(\d+)-(\d+)\.tmp")
    own = os.getpid(), threading.get_ident()
    for entry in os.scandir(target.parent):
        match = pattern.fullmatch(entry.name)
        if match is None:
            continue
        process = int(match[1])
        try:
            os.kill(process, 0)
            left = (process, int(match[2])) == own
        except ProcessLookupError:
            left = True
        except (OSError, OverflowError):
            left = False
        if left:
            with contextlib.suppress(OSError):
                Path(entry.path).unlink()
