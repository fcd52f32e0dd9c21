"""Names of other libraries are answered with code that can be written here, and what exists is not slower for it."""

import copy
import dataclasses
import inspect
import itertools
import pickle
import pydoc
import re
import subprocess
import sys

import numpy as np
import pytest

import autograd_mini
from autograd_mini import Tensor, elsewhere
from tests import answers

TABLES = answers.rows_of(elsewhere)
ASKED = [(table, names) for table in ("TENSOR", "TAKERS", "ENGINE", "CALLS") for names in TABLES[table]]


def tensor():
    return Tensor(np.arange(6.0).reshape(2, 3), requires_grad=True, name="x")


@pytest.mark.parametrize(("table", "names"), ASKED, ids=lambda part: part[:20])
def test_what_an_answer_says_can_be_written(table, names, tmp_path):
    for name in (names.split() or [names])[:60]:
        code = answers.snippets(TABLES[table].answers[name])
        for part in code:
            answers.check(part, answers.sample(tmp_path / "model.safetensors"))
        assert code or "Leave it out" in TABLES[table].answers[name]


@pytest.mark.parametrize("table", TABLES)
def test_no_name_comes_twice(table):
    written = list(itertools.chain.from_iterable(names.split() for names in TABLES[table]))
    assert len(written) == len(set(written)), {name for name in written if written.count(name) > 1}


def test_the_tables_are_about_what_is_not_there():
    values = itertools.chain.from_iterable(vars(cls).items() for cls in Tensor.__mro__)
    there = {name for name, value in values if not isinstance(value, elsewhere.Name)}
    assert not there & TABLES["TENSOR"].written.keys()
    assert not set(autograd_mini.__all__) & TABLES["ENGINE"].written.keys()


@pytest.mark.parametrize("name", TABLES["TENSOR"].written)
def test_a_tensor_answers_names_of_other_libraries(name):
    with pytest.raises(AttributeError, match=re.escape(TABLES["TENSOR"].answers[name])) as caught:
        getattr(tensor(), name)
    assert caught.value.name == name
    assert not hasattr(tensor(), name)
    assert not hasattr(Tensor, name)
    assert getattr(tensor(), name, 5) == 5


@pytest.mark.parametrize("name", TABLES["ENGINE"].written)
def test_the_module_answers_names_of_other_libraries(name):
    loaded = name in vars(autograd_mini)  # a room of that name, such as `autograd_mini.tensor`
    assert loaded or not hasattr(autograd_mini, name)
    error = elsewhere.missing("autograd_mini", name, elsewhere.ENGINE, autograd_mini.__all__)
    assert TABLES["ENGINE"].answers[name] in str(error)


def test_a_name_that_is_imported_says_the_same():
    with pytest.raises(ImportError, match="Networks, losses and optimizers are in the package `nn`"):
        from autograd_mini import optim  # noqa: F401
    with pytest.raises(ImportError, match="Did you mean 'Tensor'"):
        from autograd_mini import Tensr  # noqa: F401
    with pytest.raises(AttributeError, match=r"`Tensor\(np.zeros"):
        autograd_mini.zeros
    with pytest.raises(AttributeError, match="Did you mean 'jacobian'"):
        autograd_mini.jacobean


PROBES = (
    "__array_interface__ __array_struct__ __cuda_array_interface__ __dask_graph__ "
    "__torch_function__ __jax_array__ __cupy_get_ndarray__ __dataframe__ __arrow_array__ _repr_png_ "
    "_ipython_canary_method_should_not_exist_ _ipython_display_ __wrapped__ __nothing__ _nothing nothing"
)


@pytest.mark.parametrize("name", PROBES.split())
def test_what_libraries_ask_for_is_not_there(name):
    t = tensor()
    assert getattr(t, name, "nothing") == "nothing"
    with pytest.raises(AttributeError) as caught:
        getattr(t, name)
    assert (caught.value.name, caught.value.obj) == (name, t)  # for Python's own suggestions
    with pytest.raises(AttributeError) as caught:
        getattr(autograd_mini, name)
    assert (caught.value.name, caught.value.obj) == (name, autograd_mini)
    assert "Write" not in str(caught.value)


def test_python_suggests_near_names_of_a_tensor():
    code = "from autograd_mini import Tensor; Tensor(1.0).shap"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.rstrip().endswith("Did you mean: 'shape'?")


def test_python_suggests_nothing_beside_an_answer():
    code = "from autograd_mini import Tensor; Tensor(1.0).norm"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.rstrip().endswith("Write `np.linalg.norm(t)`.")


def test_tensors_are_listed_copied_and_documented_without_the_names():
    t = tensor()
    assert not elsewhere.TENSOR.written.keys() & set(dir(t))
    assert {"shape", "sum", "backward", "name"} <= set(dir(t))
    assert dict(inspect.getmembers(t))["size"] == 6
    for twin in (copy.copy(t), copy.deepcopy(t), pickle.loads(pickle.dumps(t))):
        assert twin.name == "x"
    assert "backward" in pydoc.render_doc(Tensor)


def test_a_subclass_may_have_such_a_name():
    class Own(Tensor):
        norm = 3

    own = Own(1.0)
    own.mask_of_mine = own.cuda = 7
    assert (own.norm, own.cuda, "cuda" in dir(own)) == (3, 7, True)
    with pytest.raises(AttributeError, match=r"t\.to_device"):
        own.cpu
    with pytest.raises(AttributeError, match=r"t\.to_device"):
        tensor().cuda = 1


def test_no_getattr_slows_down_a_tensor():
    assert not any("__getattr__" in vars(cls) or "__getattribute__" in vars(cls) for cls in Tensor.__mro__[:-1])


class TestSize:
    def test_of_a_tensor_that_is_called_tells_of_shape(self):
        for call in (lambda t: t.size(), lambda t: t.size(0), lambda t: t.size(-1)):
            with pytest.raises(TypeError, match=r"`t.shape\[0\]` for `t.size\(0\)`"):
                call(tensor())

    def test_is_a_number_everywhere_else(self):
        t = tensor()
        size = t.size
        assert type(size) is int
        assert [size, t.size + 0, max(t.size, 1), *[u.size for u in [t]], t.size] == [6] * 5
        assert np.size(t) == 6
        assert f"{t.size}" == "6"
        assert t.data.size.bit_length() == t.size.bit_length() == 3


def test_a_module_that_is_called_as_a_function_elsewhere_says_so():
    from autograd_mini import tensor as module

    with pytest.raises(TypeError, match=r"^`autograd_mini\.tensor` is a module.* Write `Tensor\(\[1\.0, 2\.0\]"):
        module([1.0])
    assert module.Tensor is Tensor


class TestKeywords:
    @pytest.mark.parametrize("method", ["sum", "mean", "max", "min", "prod", "std", "var", "argmax", "cumsum", "any"])
    def test_dim_is_axis(self, method):
        with pytest.raises(TypeError, match=r"'dim'\. Write `axis=` for `dim=`\."):
            getattr(tensor(), method)(dim=1)

    def test_several_are_answered(self):
        with pytest.raises(TypeError, match=r"Write `axis=` for `dim=`\. Write `keepdims=` for `keepdim=`\."):
            tensor().sum(dim=1, keepdim=True)

    def test_others_are_numpys(self):
        with pytest.raises(TypeError, match=r"'nowhere'(\. Did you mean 'where'\?)?$"):
            tensor().sum(nowhere=1)


class TestCalls:
    @pytest.mark.parametrize(
        ("call", "says"),
        [
            (lambda: Tensor([1.0], dtype=np.float32), "`Tensor(np.array([1.0, 2.0], np.float32))`"),
            (lambda: Tensor([1.0], device="cuda"), "t.to_device"),
            (lambda: Tensor(data=[1.0]), "Write `array=` for `data=`."),
            (lambda: Tensor(), "It is called as `Tensor(array, ...)`."),
            (lambda: tensor().backward(gradient=1.0), "Write `seed=` for `gradient=`."),
            (lambda: tensor().backward(create_graph=True), "`autograd_mini.gradients_of(loss, t, create_graph=True)`"),
            (lambda: autograd_mini.grad(np.sum, argnum=1), "Write `argnums=` for `argnum=`."),
            (lambda: autograd_mini.value_and_grad(np.sum, has_aux=True), "returns the value alone"),
            (lambda: autograd_mini.jacobian(np.sum, vectorize=True), "Leave it out"),
            (lambda: autograd_mini.hessian(np.sum, chunk_size=3), "Write `chunk=` for `chunk_size=`."),
            (lambda: autograd_mini.vmap(np.sum, in_dims=1), "Write `in_axes=` for `in_dims=`."),
        ],
    )
    def test_say_what_a_keyword_is_called(self, call, says):
        with pytest.raises(TypeError, match=re.escape(says)):
            call()

    @pytest.mark.parametrize("block", ["no_grad", "enable_grad", "checked"])
    def test_blocks_without_parentheses_ask_for_them(self, block):
        with (
            pytest.raises(TypeError, match=rf"Write `with {block}\(\): \.\.\.` around .* `@{block}\(\)`"),
            getattr(autograd_mini, block),
        ):
            pass

    def test_a_block_with_arguments_says_so(self):
        with pytest.raises(TypeError, match=r"`with scope\(\.\.\.\)"), autograd_mini.scope:
            pass


class TestText:
    @pytest.mark.parametrize("text", ["%.3f", "%g", "%d", "%5.1e", "%i", "%s"])
    def test_of_percent_signs_is_that_of_the_number(self, text):
        loss = Tensor(2.5, requires_grad=True) * 2
        want = text % 5.0 if text != "%s" else text % repr(loss)
        assert text % loss == want
        assert (text + " %d") % (loss, 3) == want + " 3"

    def test_reads_as_the_f_string_does(self):
        loss = Tensor(2.0, requires_grad=True) ** 2
        line = "loss "
        line += "%.2f" % loss  # noqa: UP031
        assert line == f"loss {loss:.2f}" == "loss 4.00"

    def test_a_remainder_is_recorded_and_a_number_refused(self):
        t = Tensor(3.0, requires_grad=True)
        assert (5.0 % t).requires_grad
        with pytest.raises(TypeError, match="plain number"):
            float(t)

    def test_of_several_entries_is_refused(self):
        with pytest.raises(ValueError, match=r"`t\[i\].item\(\)`"):
            "%.3f" % tensor()  # noqa: UP031


class TestJoining:
    """The last sentence of the error names what joins tensors in the place of what was written."""

    @pytest.mark.parametrize(
        ("write", "last"),
        [
            (lambda t: np.r_[t[0], t[1]], "In place of `np.r_` write `np.concatenate([t, u])`."),
            (lambda t: np.c_[t[0], t[1]], "In place of `np.c_` write `np.stack([t[0], u[0]], axis=1)`."),
            (lambda t: np.full((2, 3), t[0, 0]), "In place of `np.full` write `np.broadcast_to(t[0, 0], (2, 3))`."),
            (lambda t: np.array([t, t]), "To join several tensors write `np.stack([t, u])`."),
            (lambda t: np.asarray(t), "To join several tensors write `np.stack([t, u])`."),
        ],
        ids=["r_", "c_", "full", "array", "asarray"],
    )
    def test_names_what_does_it(self, write, last):
        with pytest.raises(TypeError, match="drop it out of the graph") as caught:
            write(tensor())
        assert str(caught.value).endswith(last)

    def test_of_rows_in_an_array_names_a_list(self):
        out, t = np.zeros((2, 3)), tensor()
        with pytest.raises(TypeError) as caught:
            out[0] = t[0]
        assert str(caught.value).endswith("and then `np.stack(out)`.")

    def test_of_numbers_in_an_array_names_a_list_before_numpys_line(self):
        out, t = np.zeros(3), tensor()
        with pytest.raises(ValueError) as caught:
            out[0] = t[0, 0]
        assert str(caught.value.__cause__).endswith("and then `np.stack(out)`.")


def test_the_error_of_a_call_inside_is_left_as_it_is():
    def inner(*, known=1):
        return known

    @dataclasses.dataclass
    class Thing:
        known: int = 1

    outer = elsewhere.explains(lambda x: inner(unknown=x), elsewhere.NONE, elsewhere.NONE)
    with pytest.raises(TypeError, match=r"'unknown'(\. Did you mean 'known'\?)?$"):
        outer(1)
    with pytest.raises(TypeError, match=r"It is called as `.*\(x\)`\."):
        outer()
    with pytest.raises(TypeError, match="It takes x"):
        outer(1, zzz=3)
