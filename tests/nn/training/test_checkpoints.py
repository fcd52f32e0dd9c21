"""Checkpoints: what comes back, how they are written, files that are damaged or hostile, weights from PyTorch."""

import copy
import json
import os
import random
import stat
import struct
import sys
from pathlib import Path

import numpy as np
import pytest

import nn
from benchmarks.kills import killed, undisturbed
from nn.training import tensor_files
from nn.training.tensor_files import KEY, canonical, digest
from tests.autograd_mini.testing.numeric import assert_close

pytest.importorskip("safetensors")

X = np.random.default_rng(0).standard_normal((10, 3)).astype(np.float32)
FIXTURE = Path(__file__).with_name("torch_weights.safetensors")


class Box:
    """A part whose state is whatever was put in."""

    def __init__(self, **state):
        self.state = state

    def state_dict(self):
        return self.state

    def load_state_dict(self, state):
        self.state = state


class Refusing(Box):
    def load_state_dict(self, state):
        raise ValueError("not today")


def build(seed=0):
    """A model with everything that has a state, its optimizer and its loader."""
    first, last = nn.Linear(3, 4, rng=seed), nn.Linear(4, 2, rng=seed)
    model = nn.Sequential(first, nn.BatchNorm(4), nn.Tanh(), nn.Dropout(0.5, rng=seed), last)
    return model, nn.Adam(model.parameters(), 0.1), nn.DataLoader(X, X[:, :2], batch_size=4, shuffle=True, rng=seed)


def steps(model, optimizer, loader, count):
    for _, (x, y) in zip(range(count), loader, strict=False):
        optimizer.zero_grad()
        nn.squared_error(model(x), y).backward()
        optimizer.step()


def bits(model):
    return {name: array.tobytes() for name, array in model.state_dict().items()}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.safetensors"


class TestRoundTrip:
    def test_a_training_goes_on_bit_for_bit(self, path):
        model, optimizer, loader = build()
        steps(model, optimizer, loader, 2)
        nn.save(path, model, optimizer=optimizer, loader=loader)
        twin, other, again = build(seed=1)
        nn.load(path, twin, optimizer=other, loader=again)
        x, y = next(iter(again))
        assert x.shape == (2, 3)
        for each, its in ((model, optimizer), (twin, other)):
            its.zero_grad()
            nn.squared_error(each(x), y).backward()
            its.step()
        assert bits(model) == bits(twin)
        assert model[3].rng.random() == twin[3].rng.random()

    @pytest.mark.parametrize("name", ["PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64"])
    def test_random_generators(self, path, name):
        kind = getattr(np.random, name)
        rng, other = np.random.Generator(kind(1)), np.random.Generator(kind(2))
        rng.random(700, np.float32)
        nn.save(path, nn.ReLU(), rng=rng)
        nn.load(path, nn.ReLU(), rng=other)
        assert (rng.random(9) == other.random(9)).all()

    @pytest.mark.parametrize(
        "array",
        [
            np.arange(6.0).reshape(2, 3),
            np.asfortranarray(np.arange(6.0).reshape(2, 3)),
            np.arange(24.0).reshape(2, 3, 4).transpose(2, 0, 1),
            np.arange(10.0)[::-2],
            np.arange(5, dtype=">f8"),
            np.array(3.0),
            np.zeros((0, 3)),
            np.zeros((2, 0)),
            np.array([np.nan, np.inf, -0.0]),
            np.array([1, 2], np.float16),
            np.array([1, 2], np.float32),
            np.array([1 + 2j], np.complex64),
            np.array([True, False]),
            *(np.array([1, 2], f"{sign}{size}") for sign in "iu" for size in (1, 2, 4, 8)),
        ],
        ids=lambda array: f"{array.dtype}{array.shape}",
    )
    def test_arrays(self, path, array):
        read_only = array.copy("K")
        read_only.flags.writeable = False
        nn.save(path, nn.ReLU(), box=Box(a=read_only))
        box = Box()
        nn.load(path, nn.ReLU(), box=box)
        loaded = box.state["a"]
        assert loaded.dtype == array.dtype.newbyteorder("=")
        assert loaded.shape == array.shape
        assert loaded.flags.writeable
        np.testing.assert_array_equal(loaded, array)

    def test_facts(self, path):
        state = {"n": 2**127, "x": 0.1, "tiny": 5e-324, "text": "tanh é \n", "yes": True, "no": False, "none": None}
        nn.save(path, nn.ReLU(), box=Box(**state, scalar=np.float32(0.5)))
        box = Box()
        nn.load(path, nn.ReLU(), box=box)
        assert box.state == {**state, "scalar": 0.5}
        assert type(box.state["yes"]) is bool

    def test_the_same_state_is_the_same_file(self, tmp_path):
        for name in "ab":
            nn.save(tmp_path / name, *build()[:1], optimizer=build()[1])
        assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()

    def test_parts_can_be_left_out(self, path):
        model, optimizer, loader = build()
        nn.save(path, model, optimizer=optimizer, loader=loader)
        twin = build(seed=1)[0]
        nn.load(path, twin)
        assert bits(twin) == bits(model)

    def test_two_models(self, path):
        first, second = nn.Linear(2, 2, rng=0), nn.Linear(2, 2, rng=1)
        nn.save(path, first, critic=second)
        one, two = nn.Linear(2, 2), nn.Linear(2, 2)
        nn.load(path, one, critic=two)
        assert (bits(one), bits(two)) == (bits(first), bits(second))

    def test_shared_parameters_stay_shared(self, path):
        layer = nn.Linear(2, 2, rng=0)
        nn.save(path, nn.Sequential(layer, layer))
        other = nn.Linear(2, 2)
        model = nn.Sequential(other, other)
        nn.load(path, model)
        assert model[0] is model[1]
        assert bits(model) == bits(nn.Sequential(layer))

    @pytest.mark.parametrize(
        ("box", "error", "message"),
        [
            (Box(a=np.zeros(2, complex)), TypeError, "complex128"),
            (Box(a=np.zeros(2, np.longdouble)), TypeError, "box/a of dtype"),
            (Box(a=np.array(["x"])), TypeError, "box/a of dtype"),
            (Box(a=[1, 2]), TypeError, r"a = \[1, 2\]"),
            (Box(a={"b": 1}), TypeError, "a = {'b': 1}"),
            (Box(a=np.inf), ValueError, "box.a = inf"),
            (3, TypeError, "given a int"),
            (nn.SGD, TypeError, "given a type"),
        ],
    )
    def test_what_cannot_be_saved_leaves_the_old_file(self, path, box, error, message):
        nn.save(path, nn.Linear(2, 2, rng=0))
        before = path.read_bytes()
        with pytest.raises(error, match=message):
            nn.save(path, nn.Linear(2, 2, rng=1), box=box)
        assert path.read_bytes() == before
        assert list(path.parent.iterdir()) == [path]

    def test_parts_have_plain_names(self, path):
        with pytest.raises(ValueError, match="'a/b' cannot be the name"):
            nn.save(path, nn.ReLU(), **{"a/b": Box()})

    @pytest.mark.parametrize("call", [nn.save_weights, nn.load_weights, nn.load])
    def test_only_models_have_weights(self, path, call):
        with pytest.raises(TypeError, match="given a dict for a model"):
            call(path, {})

    def test_a_path_is_no_model(self, path):
        with pytest.raises(TypeError, match=r"given a PosixPath for a model|given a WindowsPath for a model"):
            nn.save(nn.Linear(2, 2), path)

    def test_without_safetensors(self, path, monkeypatch):
        for name in ("safetensors", "safetensors.numpy"):
            monkeypatch.setitem(sys.modules, name, None)
        with pytest.raises(ImportError, match=r"autograd-mini\[weights\]"):
            nn.save(path, nn.Linear(2, 2))


class TestMisfits:
    def unchanged(self, path, model, error, message, **parts):
        before, generators = bits(model), [str(g.bit_generator.state) for _, g in model.named_generators()]
        with pytest.raises(error, match=message):
            nn.load(path, model, **parts)
        assert bits(model) == before
        assert [str(g.bit_generator.state) for _, g in model.named_generators()] == generators

    def test_another_size(self, path):
        nn.save(path, nn.Linear(2, 2))
        self.unchanged(path, nn.Linear(2, 3), ValueError, r"does not fit the model.*\(2, 2\).*\(2, 3\)")

    def test_other_names(self, path):
        nn.save(path, nn.Linear(2, 2))
        self.unchanged(path, nn.Linear(2, 2, bias=False), ValueError, "unknown \\['bias'\\]")

    def test_another_dtype(self, path):
        nn.save(path, nn.Linear(2, 2, dtype=np.float64))
        self.unchanged(path, nn.Linear(2, 2), ValueError, "float64 there and float32 in the model")

    def test_other_generators(self, path):
        nn.save(path, nn.Sequential(nn.Dropout(0.5)))
        self.unchanged(path, nn.Sequential(nn.Tanh()), ValueError, r"random generators \['0.rng'\]")
        twister = nn.Sequential(nn.Dropout(0.5))
        twister[0].rng = np.random.Generator(np.random.MT19937(0))
        self.unchanged(path, twister, ValueError, "not one of MT19937")

    def test_a_part_that_was_not_saved(self, path):
        model, optimizer, _ = build()
        nn.save(path, model)
        self.unchanged(path, model, ValueError, "holds a model, but no 'optimizer'", optimizer=optimizer)

    def test_when_one_part_refuses_none_is_loaded(self, path):
        model, optimizer, loader = build()
        steps(model, optimizer, loader, 1)
        nn.save(path, model, optimizer=optimizer, loader=loader, last=Box(a=1))
        twin, other, again = build(seed=1)
        states = str(other.state_dict()), again.state_dict()
        self.unchanged(
            path, twin, ValueError, "not fit the last.*not today", optimizer=other, loader=again, last=Refusing()
        )
        assert (str(other.state_dict()), again.state_dict()) == states

    def test_an_optimizer_of_another_kind(self, path):
        model, optimizer, _ = build()
        nn.save(path, model, optimizer=optimizer)
        twin = build(seed=1)[0]
        self.unchanged(path, twin, ValueError, "not fit the optimizer", optimizer=nn.SGD(twin.parameters(), 0.1))


def forge(path, arrays, facts, *, header=None, data=None):
    """A file with a right checksum, but whose content nobody would save."""
    record = canonical({"facts": facts, "sha256": digest(canonical(facts), arrays)})
    tensor_files.safetensors()
    place, entries, chunks = 0, {}, []
    for name, array in arrays.items():
        kind = {"f4": "F32", "f8": "F64", "i8": "I64"}[array.dtype.str[1:]]
        entries[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [place, place + array.nbytes]}
        place += array.nbytes
        chunks.append(array.tobytes())
    text = header or json.dumps({"__metadata__": {KEY: record}, **entries}).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + (b"".join(chunks) if data is None else data))


def entry(dtype="F32", shape=(2, 2), offsets=(0, 16), **more):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets), **more}


def raw(header, data=bytes(16), length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


ENTRY = json.dumps(entry()).encode()
HOSTILE = {
    "nothing": b"",
    "no header": bytes(8),
    "a pickle": b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00}\x94.",
    "a huge header": raw({"weights": entry()}, length=2**63),
    "a header past the end": raw({"weights": entry()}, length=10**7),
    "offsets that overlap": raw({"weights": entry(), "bias": entry()}),
    "offsets with a hole": raw({"weights": entry(), "bias": entry(shape=[2], offsets=(20, 28))}, bytes(28)),
    "bytes that nobody owns": raw({"weights": entry()}, bytes(17)),
    "offsets backwards": raw({"weights": entry(offsets=(16, 0))}),
    "negative offsets": raw({"weights": entry(offsets=(-16, 0))}),
    "a negative size": raw({"weights": entry(shape=[-2, -2])}),
    "a size that overflows": raw({"weights": entry(shape=[2**62, 2**62])}),
    "empty but of a size that overflows": raw({"weights": entry(shape=[0, 2**63], offsets=(0, 0))}, b""),
    "too many axes": raw({"weights": entry(shape=[1] * 99, offsets=(0, 4))}, bytes(4)),
    "a shape that is not the size": raw({"weights": entry(shape=[3, 3])}),
    "an unknown dtype": raw({"weights": entry("F128")}),
    "a dtype that NumPy lacks": raw({"weights": entry("F8_E4M3", [16])}),
    "truth values of 2": raw({"weights": entry("BOOL", [16])}, b"\2" * 16),
    "a name twice": raw(b'{"weights":%b,"weights":%b}' % (ENTRY, ENTRY.replace(b"F32", b"I32"))),
    "a key twice": raw(b'{"weights":{"dtype":"F32","shape":[4],"data_offsets":[0,16],"shape":[2,2]}}'),
    "NaN as a size": raw(b'{"weights":{"dtype":"F32","shape":[NaN],"data_offsets":[0,16]}}'),
    "a list": raw([entry()]),
    "depth": raw(b"[" * 100_000),
    "bytes that are no text": raw(b'{"\xff": 1}'),
    "metadata that is a number": raw({"__metadata__": {KEY: 3}, "weights": entry()}),
    "a record that is no JSON": raw({"__metadata__": {KEY: "{"}, "weights": entry()}),
    "a record that is a list": raw({"__metadata__": {KEY: "[]"}, "weights": entry()}),
    "a record that is deep": raw({"__metadata__": {KEY: "[" * 100_000}, "weights": entry()}),
    "a record without a checksum": raw({"__metadata__": {KEY: '{"facts":{}}'}, "weights": entry()}),
    "a record with NaN": raw({"__metadata__": {KEY: '{"facts":{"":NaN},"sha256":""}'}, "weights": entry()}),
    "a record with a key twice": raw({"__metadata__": {KEY: '{"facts":{},"facts":{}}'}, "weights": entry()}),
    "a record of no part": raw({"__metadata__": {KEY: '{"facts":3,"sha256":""}'}, "weights": entry()}),
    "a wrong checksum": raw({"__metadata__": {KEY: '{"facts":{"":{}},"sha256":"0"}'}, "weights": entry()}),
}  # fmt: skip


def mutated(arrays, facts, rng):
    """A checkpoint with one thing in it that is not as it was."""
    arrays, facts = dict(arrays), copy.deepcopy(facts)
    values = [None, True, -1, 0, 2**70, -(2**70), 1.5, "", "x", [], [1], {}, {"a": 1}]
    if rng.random() < 0.7:
        place = facts
        while True:
            key = rng.choice(list(place))
            if not isinstance(place[key], dict) or not place[key] or rng.random() < 0.1:
                break
            place = place[key]
        if rng.random() < 0.2:
            del place[key]
        else:
            place[rng.choice([key, key, "extra"])] = rng.choice(values)
    else:
        name = rng.choice(list(arrays))
        array = arrays.pop(name)
        changed = [None, *map(array.astype, ("f8", "i4", "c8")), np.zeros((1, 4), array.dtype), array]
        kind = rng.randrange(len(changed))
        arrays |= {} if kind == 0 else {name + "extra" * (kind == 5): changed[kind]}
    return arrays, facts


def everything(run):
    """All that a checkpoint could change, as text."""
    generators = [str(generator.bit_generator.state) for _, generator in run.model.named_generators()]
    return bits(run.model), generators, [str(part.state_dict()) for part in run.parts().values()]


class TestHostileFiles:
    @pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
    @pytest.mark.parametrize("loading", [nn.load, nn.load_weights])
    def test_each_is_refused_and_nothing_loaded(self, path, content, loading):
        path.write_bytes(content)
        model = nn.Linear(2, 2, rng=0)
        before = bits(model)
        with pytest.raises(ValueError, match=r"run\.safetensors"):
            loading(path, model)
        assert bits(model) == before

    def test_every_truncation_is_refused(self, path):
        model, optimizer, _ = build()
        nn.save(path, model, optimizer=optimizer)
        content, before = path.read_bytes(), bits(model)
        for length in {*range(0, len(content), 7), *range(10), *range(len(content) - 10, len(content))}:
            path.write_bytes(content[:length])
            with pytest.raises(ValueError, match=r"run\.safetensors"):
                nn.load(path, model, optimizer=optimizer)
        assert bits(model) == before

    def test_every_flipped_bit_is_found(self, path):
        model = nn.Linear(2, 2, rng=0)
        optimizer = nn.SGD(model.parameters(), 0.1)
        nn.save(path, model, optimizer=optimizer)
        content, before = bytearray(path.read_bytes()), bits(model)
        rng = random.Random(0)
        for place in range(len(content)):
            bit = 1 << rng.randrange(8)
            content[place] ^= bit
            path.write_bytes(content)
            with pytest.raises(ValueError, match=r"run\.safetensors"):
                nn.load(path, model, optimizer=optimizer)
            content[place] ^= bit
        assert bits(model) == before
        path.write_bytes(content)
        nn.load(path, model, optimizer=optimizer)

    @pytest.mark.parametrize(
        ("part", "change"),
        [
            ("", {"random generators": {}}),
            ("", {"random generators": 3}),
            ("", {"random generators": {"3.rng": {"bit_generator": "PCG64"}}}),
            ("", {"0.weights": 3}),
            ("optimizer", {"steps": -1}),
            ("optimizer", {"learning_rate": "fast"}),
            ("optimizer", {"extra": 1}),
            ("loader", {"seed": -1}),
            ("loader", {"batch": "1"}),
        ],
    )
    def test_wrong_facts_with_a_right_checksum(self, path, part, change):
        model, optimizer, loader = build()
        nn.save(path, model, optimizer=optimizer, loader=loader)
        arrays, facts = tensor_files.read(path)
        facts[part] |= change
        tensor_files.write(path, arrays, facts)
        self.refused(path, {"optimizer": optimizer, "loader": loader}, model)

    @pytest.mark.parametrize("facts", [{"": 3}, {"": []}, {"": None}, {"": {}}])
    def test_facts_of_no_form(self, path, facts):
        forge(path, nn.Linear(2, 2).state_dict(), facts)
        self.refused(path, {}, nn.Linear(2, 2))

    @pytest.mark.parametrize(
        "name", ["../../weights", "/etc/passwd", "weights\0", "", "optimizer/../weights", "\ud800"]
    )
    def test_names_are_never_paths(self, path, name):
        arrays = {**nn.Linear(2, 2).state_dict(), name: np.zeros(1, np.float32)}
        if name == "\ud800":
            path.write_bytes(raw({"weights": entry(), name: entry()}))
        else:
            forge(path, arrays, {"": {"random generators": {}}})
        self.refused(path, {}, nn.Linear(2, 2))
        assert list(path.parent.iterdir()) == [path]

    @pytest.mark.parametrize(
        ("kind", "change"),
        [
            (np.random.MT19937, lambda state: state["state"].update(pos=10**6)),
            (np.random.MT19937, lambda state: state["state"].update(pos=-1)),
            (np.random.MT19937, lambda state: state["state"].update(key=[1, 2])),
            (np.random.MT19937, lambda state: state["state"].update(key=[2**40] * 624)),
            (np.random.Philox, lambda state: state.update(buffer_pos=99)),
            (np.random.Philox, lambda state: state.update(buffer=["x"] * 4)),
            (np.random.PCG64, lambda state: state["state"].update(state=2**200)),
            (np.random.PCG64, lambda state: state["state"].update(inc=0.5)),
            (np.random.PCG64, lambda state: state.update(has_uint32=7)),
            (np.random.SFC64, lambda state: state.pop("state")),
        ],
    )
    def test_generators_that_would_read_past_their_buffers(self, path, kind, change):
        rng = np.random.Generator(kind(0))
        nn.save(path, nn.ReLU(), rng=rng)
        arrays, facts = tensor_files.read(path)
        change(facts["rng"]["random generators"][""])
        tensor_files.write(path, arrays, facts)
        before = str(rng.bit_generator.state)
        self.refused(path, {"rng": rng}, nn.ReLU())
        assert str(rng.bit_generator.state) == before

    def test_whatever_a_file_with_a_right_checksum_says_it_is_taken_whole_or_not_at_all(self, path):
        def training(seed):
            model, optimizer, loader = build(seed)
            run = nn.Training(model, nn.squared_error, loader, optimizer, {"r2": nn.r2}, 2)
            run.register([nn.EarlyStopping(), nn.ReduceOnPlateau()])
            run.validation = nn.DataLoader(X, X[:, :2])
            return run

        first = training(0)
        first.checkpoint = path
        first.run(progress=False)
        arrays, facts = tensor_files.read(path)
        rng, outcomes = random.Random(0), set()
        for _ in range(100):
            tensor_files.write(path, *mutated(arrays, facts, rng))
            run = training(1)
            before = everything(run)
            try:
                run.load(path)
            except ValueError:
                assert everything(run) == before
                outcomes.add("refused")
            else:
                run.run(progress=False)  # what is taken can be used
                outcomes.add("taken")
        assert outcomes == {"refused", "taken"}

    def refused(self, path, parts, model):
        states = [str(part.state_dict()) for part in parts.values() if hasattr(part, "state_dict")]
        before = bits(model)
        with pytest.raises(ValueError, match=r"run\.safetensors"):
            nn.load(path, model, **parts)
        assert bits(model) == before
        assert [str(part.state_dict()) for part in parts.values() if hasattr(part, "state_dict")] == states

    def test_a_directory(self, tmp_path):
        with pytest.raises(IsADirectoryError, match=r"model\.safetensors"):
            nn.save(tmp_path, nn.Linear(2, 2))
        with pytest.raises(IsADirectoryError, match=r"model\.safetensors"):
            nn.load(tmp_path, nn.Linear(2, 2))

    def test_no_file(self, tmp_path):
        with pytest.raises(FileNotFoundError):
            nn.load(tmp_path / "missing", nn.Linear(2, 2))
        with pytest.raises(FileNotFoundError):
            nn.save(tmp_path / "missing" / "run", nn.Linear(2, 2))

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes")
    def test_a_pipe_is_not_waited_for(self, tmp_path):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(OSError, match="device"):
            nn.load(tmp_path / "pipe", nn.Linear(2, 2))


class TestWriting:
    def test_written_then_synced_then_renamed_then_synced(self, path, monkeypatch):
        seen = []
        fsync, replace = os.fsync, Path.replace

        def syncing(descriptor):
            seen.append("directory" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
            fsync(descriptor)

        def replacing(self, target):
            seen.append("rename")
            return replace(self, target)

        monkeypatch.setattr(os, "fsync", syncing)
        monkeypatch.setattr(Path, "replace", replacing)
        nn.save(path, nn.Linear(2, 2))
        assert seen == (["file", "rename", "directory"] if os.name == "posix" else ["file", "rename"])

    @pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
    def test_when_it_fails_the_old_file_stays_alone(self, path, monkeypatch, error):
        nn.save(path, nn.Linear(2, 2, rng=0))
        before = path.read_bytes()

        def fail(_descriptor):
            raise error

        monkeypatch.setattr(os, "fsync", fail)
        with pytest.raises(type(error)):
            nn.save(path, nn.Linear(2, 2, rng=1))
        assert path.read_bytes() == before
        assert list(path.parent.iterdir()) == [path]

    @pytest.mark.skipif(os.name != "posix", reason="links")
    def test_a_link_stays_a_link(self, tmp_path):
        target = tmp_path / "elsewhere"
        target.mkdir()
        link = tmp_path / "run"
        link.symlink_to(target / "real")
        nn.save(link, nn.Linear(2, 2))
        nn.save(link, nn.Linear(2, 2))
        assert link.is_symlink()
        assert [entry.name for entry in target.iterdir()] == ["real"]

    @pytest.mark.skipif(os.name != "posix", reason="modes")
    def test_permissions_are_kept(self, path):
        nn.save(path, nn.Linear(2, 2))
        path.chmod(0o640)
        nn.save(path, nn.Linear(2, 2))
        assert stat.S_IMODE(path.stat().st_mode) == 0o640

    @pytest.mark.skipif(os.name != "posix", reason="processes")
    def test_leftovers_of_killed_processes_are_removed(self, path):
        dead = next(number for number in range(2**22, 2**22 + 99) if not Path(f"/proc/{number}").exists())
        leftover = path.with_name(f".{path.name}.{dead}-1.tmp")
        living = path.with_name(f".{path.name}.{os.getppid()}-1.tmp")
        other = path.with_name(f".{path.name}.backup.tmp")
        for file in (leftover, living, other):
            file.touch()
        nn.save(path, nn.Linear(2, 2))
        assert set(path.parent.iterdir()) == {path, living, other}

    @pytest.mark.heavy
    @pytest.mark.skipif(not hasattr(os, "fork"), reason="signals")
    def test_killed_while_saving_a_training_goes_on_to_the_same_bits(self, tmp_path):
        for name in ("alone", "killed"):
            (tmp_path / name).mkdir()
        epochs = 20  # many times longer than the moments before a kill, also on a machine that is busy
        expected = undisturbed(tmp_path / "alone", epochs)
        outcome = killed(tmp_path / "killed", epochs, 3, expected, random.Random(0), longest=0.02)
        assert outcome.same
        assert outcome.kills


class TestWeights:
    def network(self):
        return nn.Sequential(
            nn.Linear(3, 4), nn.BatchNorm(4), nn.Tanh(), nn.Linear(4, 4), nn.LayerNorm(4), nn.ReLU(), nn.Linear(4, 2)
        )

    def test_from_pytorch(self):
        """The file: `python -m benchmarks.parity_weights --fixture tests/torch_weights.safetensors`, PyTorch 2.13."""
        model = self.network()
        ignore = ["*.num_batches_tracked", "input", "output"]
        nn.load_weights(FIXTURE, model, nn.torch_names(model), ignore)
        arrays, facts = tensor_files.read(FIXTURE)
        assert facts is None
        assert_close(nn.predict(model, arrays["input"]), arrays["output"], 1e-5)

    def test_to_pytorchs_names_and_back(self, path):
        model, twin = self.network(), self.network()
        names = nn.torch_names(model)
        nn.save_weights(path, model, names)
        written, theirs = tensor_files.read(path)[0], tensor_files.read(FIXTURE)[0]
        for name, array in written.items():
            assert (array.shape, array.dtype) == (theirs[name].shape, theirs[name].dtype)
        nn.load_weights(path, twin, names)
        assert bits(twin) == bits(model)

    def test_nothing_is_transposed_that_is_not_said_to_be(self, path):
        square = nn.Linear(4, 4, rng=0)
        nn.save_weights(path, square)
        plain, turned = nn.Linear(4, 4), nn.Linear(4, 4)
        nn.load_weights(path, plain)
        nn.load_weights(path, turned, {"weights": "weights.T"})
        np.testing.assert_array_equal(plain.weights.data, square.weights.data)
        np.testing.assert_array_equal(turned.weights.data, square.weights.data.T)

    def test_where_only_the_transposed_fits_the_error_says_so(self, path):
        nn.save_weights(path, nn.Linear(3, 2, rng=0), {"weights": "weight.T"})
        model = nn.Linear(3, 2, rng=1)
        before = bits(model)
        with pytest.raises(ValueError, match=r"names={'weights': 'weight.T'}"):
            nn.load_weights(path, model, {"weights": "weight"})
        assert bits(model) == before

    def test_from_a_checkpoint(self, path):
        model, optimizer, loader = build()
        nn.save(path, model, optimizer=optimizer, loader=loader)
        twin = build(seed=1)[0]
        nn.load_weights(path, twin)
        assert bits(twin) == bits(model)

    def test_a_checkpoint_needs_more_than_weights(self, path):
        path.write_bytes(FIXTURE.read_bytes())
        with pytest.raises(ValueError, match=r"nn\.load_weights"):
            nn.load(path, self.network())

    def test_rounded_to_the_models_dtype(self, path):
        nn.save_weights(path, nn.Linear(2, 2, rng=0, dtype=float))
        model = nn.Linear(2, 2)
        nn.load_weights(path, model)
        assert model.weights.dtype == np.float32

    def test_bfloat16(self, path):
        values = np.array([[1.0, -2.5], [3e38, 2e-38]], np.float32)
        halves = (values.view(np.uint32) >> 16).astype("<u2")
        header = {"weights": entry("BF16", [2, 2], [0, 8]), "bias": entry("F32", [2], [8, 16])}
        path.write_bytes(raw(header, halves.tobytes() + bytes(8)))
        model = nn.Linear(2, 2)
        nn.load_weights(path, model)
        np.testing.assert_allclose(model.weights.data, values, rtol=2**-7)

    @pytest.mark.parametrize(
        ("names", "ignore", "message"),
        [
            (None, (), r"missing \['bias', 'weights'\], unknown \['0.b', '0.w'\]"),
            ({"weights": "0.w"}, (), r"missing \['bias'\], unknown \['0.b'\]"),
            ({"weights": "0.w"}, ["0.*"], r"missing \['bias'\], unknown nothing"),
            ({"weight": "0.w"}, (), r"has \['weight'\], which the model does not have"),
        ],
    )
    def test_names_that_do_not_fit(self, path, names, ignore, message):
        nn.save_weights(path, nn.Linear(2, 2), {"weights": "0.w", "bias": "0.b"})
        with pytest.raises(ValueError, match=message):
            nn.load_weights(path, nn.Linear(2, 2), names, ignore)

    def test_two_arrays_of_one_name(self, path):
        with pytest.raises(ValueError, match="weights and bias would both be called 'a'"):
            nn.save_weights(path, nn.Linear(2, 2), {"weights": "a", "bias": "a"})

    def test_layers_without_a_counterpart(self):
        with pytest.raises(TypeError, match="1 is a MultiHeadAttention"):
            nn.torch_names(nn.Sequential(nn.Linear(2, 2), nn.MultiHeadAttention(2, 1)))
        with pytest.raises(TypeError, match="the model is a WeightNorm"):
            nn.torch_names(nn.WeightNorm(nn.Linear(2, 2)))

    def test_names_of_layers_of_several_parts(self):
        names = nn.torch_names(nn.Sequential(nn.Embedding(9, 3), nn.GRU(3, 2), nn.GRUCell(2, 2), nn.PReLU()))
        assert names["0.weights"] == "0.weight"
        assert names["1.cell.state.weights"] == "1.weight_hh_l0.T"
        assert names["2.input.bias"] == "2.bias_ih"
        assert names["3.alpha"] == "3.weight"
        assert len(names) == 10
        names = nn.torch_names(nn.Sequential(nn.LSTM(3, 2, layers=2, bidirectional=True, projection=1)))
        assert names["0.above.0.back.input.weights"] == "0.weight_ih_l1_reverse.T"
        assert names["0.cell.projection.weights"] == "0.weight_hr_l0.T"
        assert len(names) == 20
