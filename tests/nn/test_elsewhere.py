"""Names of other libraries' networks are answered with code that can be written here, and so are keywords."""

import copy
import importlib
import inspect
import itertools
import pickle
import re

import numpy as np
import pytest

import nn
from autograd_mini import elsewhere as engine
from nn import elsewhere
from tests import answers

TABLES = answers.rows_of(elsewhere)
SENTENCES = [(table, names) for table, rows in TABLES.items() if table != "RENAMED" for names in rows]
MODULES = {"NN": nn, "INIT": nn.init, "SCHEDULES": nn.schedules}
CALLS = {
    "layer": [
        value for name in nn.__all__ if inspect.isclass(value := getattr(nn, name)) and issubclass(value, nn.Module)
    ],
    "optimizer": [nn.SGD, nn.Adam, nn.AdamW, nn.AdaGrad, nn.RMSprop],
    "fit": [nn.fit, nn.evaluate, nn.predict],
    "loss": [getattr(nn, name) for name in nn.__all__ if hasattr(getattr(nn, name), "is_mean")],
    "loader": [nn.DataLoader],
    "function": [nn.save, nn.load, nn.save_weights, nn.load_weights, nn.EarlyStopping, nn.ReduceOnPlateau],
}
OTHERS = nn.f1, nn.pad_sequences, nn.sequence_mask, nn.Module.train
X, Y = np.random.default_rng(0).standard_normal((8, 4)).astype(np.float32), np.arange(8) % 3


def small():
    return nn.MLP([4, 5, 3], rng=0)


@pytest.mark.parametrize(("table", "names"), SENTENCES, ids=lambda part: part[:20])
def test_what_an_answer_says_can_be_written(table, names, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    answer = TABLES[table].answers[(names.split() or [names])[0]]
    code = answers.snippets(answer)
    for part in code:
        answers.check(part, answers.sample(tmp_path / "model.safetensors"))
    assert code or re.match("Leave it out|A layer is called", answer)


@pytest.mark.parametrize("table", TABLES)
def test_no_name_comes_twice(table):
    written = list(itertools.chain.from_iterable(names.split() for names in TABLES[table]))
    assert len(written) == len(set(written)), {name for name in written if written.count(name) > 1}


def test_two_hundred_names_are_answered():
    assert sum(len(rows.written) for module in (engine, elsewhere) for rows in answers.rows_of(module).values()) >= 500


@pytest.mark.parametrize("table", MODULES)
def test_the_tables_are_about_what_is_not_there(table):
    assert not TABLES[table].written.keys() & set(MODULES[table].__all__)
    assert not [name for name in TABLES[table].written if hasattr(MODULES[table], name)]


@pytest.mark.parametrize(("table", "name"), [(table, name) for table in MODULES for name in TABLES[table].written])
def test_a_module_answers_names_of_other_libraries(table, name):
    with pytest.raises(AttributeError, match=re.escape(TABLES[table].answers[name])) as caught:
        getattr(MODULES[table], name)
    assert caught.value.name == name


@pytest.mark.parametrize("room", ["layers", "losses", "optimizers"])
def test_the_rooms_of_nn_answer_as_nn_does(room):
    with pytest.raises(AttributeError, match=r"`nn\.Linear"):
        importlib.import_module(f"nn.{room}").Dense


class TestFamilies:
    @pytest.mark.parametrize(
        ("family", "name"), [(f, name) for f in elsewhere.FAMILIES for name in elsewhere.FAMILIES[f].written]
    )
    def test_a_name_in_one_is_answered(self, family, name):
        with pytest.raises(AttributeError, match=r"has no attribute") as caught:
            getattr(getattr(nn, family), name)
        assert str(caught.value).endswith(("`.", "."))
        assert "`" in str(caught.value)

    @pytest.mark.parametrize("name", ["relu", "mse_loss", "softmax", "log_softmax", "one_hot", "clip_grad_norm_"])
    def test_what_nn_answers_is_answered_there_too(self, name):
        with pytest.raises(AttributeError, match=re.escape(elsewhere.NN.answers[name])):
            getattr(nn.functional, name)

    @pytest.mark.parametrize("name", ["relu", "sigmoid", "tanh", "gelu", "softmax"])
    def test_an_activation_becomes_a_part_of_the_model(self, name):
        with pytest.raises(AttributeError, match=r"`self\.act = nn\.\w+\(\)` in `__init__` and `self\.act\(x\)`"):
            getattr(nn, name)

    @pytest.mark.parametrize("name", ["dropout", "batch_norm", "layer_norm", "group_norm", "prelu"])
    def test_what_has_a_state_is_not_made_where_it_is_called(self, name):
        assert not re.search(r"\)\(", elsewhere.FUNCTIONAL.answers[name])

    def test_what_is_in_nn_is_named(self):
        with pytest.raises(AttributeError, match=r"Write `nn\.Adam`\."):
            nn.optim.Adam
        with pytest.raises(AttributeError, match=r"Write `nn\.cross_entropy`\."):
            nn.functional.cross_entropy

    def test_can_be_imported_as_people_do(self):
        import nn.functional as F

        from nn import optim

        assert F is nn.functional
        with pytest.raises(AttributeError, match=r"`np\.maximum\(x, 0\)`"):
            F.relu
        with pytest.raises(AttributeError, match=r"`nn\.SGD`"):
            optim.SGD
        with pytest.raises(ImportError, match=r"`nn\.clip_norm\(model\.parameters\(\), 1\.0\)`"):
            from nn.utils import clip_grad_norm_  # noqa: F401

    def test_hold_nothing_that_others_look_for(self):
        assert dir(nn.functional) == []
        assert not [name for name in ("__file__", "__path__", "__wrapped__", "_repr_html_") if hasattr(nn.optim, name)]


def test_a_name_that_is_imported_says_the_same():
    with pytest.raises(ImportError, match=r"`nn\.cross_entropy\(scores, y\)`"):
        from nn import CrossEntropyLoss  # noqa: F401
    with pytest.raises(ImportError, match="Did you mean 'ReLU'"):
        from nn import Relu  # noqa: F401


@pytest.mark.parametrize("name", elsewhere.MODULE.written)
def test_a_model_answers_names_of_other_libraries(name):
    model = small()
    with pytest.raises(AttributeError, match=re.escape(elsewhere.MODULE.answers[name])):
        getattr(model, name)
    assert not hasattr(model, name)
    setattr(model, name, 3)
    assert getattr(model, name) == 3


def test_an_optimizer_asks_for_no_closure():
    optimizer = nn.SGD(small().parameters(), 0.1)
    for call in (lambda: optimizer.step(lambda: 1.0), lambda: optimizer.step(closure=lambda: 1.0)):
        with pytest.raises(TypeError, match=r"Write what the closure does before it, `loss\.backward\(\)`"):
            call()


@pytest.mark.parametrize("name", elsewhere.OPTIMIZER.written)
def test_an_optimizer_answers_names_of_other_libraries(name):
    optimizer = nn.SGD(small().parameters(), 0.1)
    with pytest.raises(AttributeError, match=re.escape(elsewhere.OPTIMIZER.answers[name])):
        getattr(optimizer, name)
    assert name not in dir(optimizer)
    if name == "lr":  # which would change nothing, in silence
        with pytest.raises(AttributeError, match=r"`optimizer\.learning_rate`"):
            optimizer.lr = 1.0
    else:
        setattr(optimizer, name, 3)
        assert getattr(optimizer, name) == 3


def test_a_name_that_is_nearly_one_of_another_library_is_answered():
    with pytest.raises(AttributeError, match=r"`print\(model\)`"):
        small().sumary
    with pytest.raises(AttributeError, match="Did you mean 'parameters'"):
        small().paramters


def test_what_libraries_ask_a_model_for_is_not_there():
    model = small()
    for name in (
        "_repr_png_",
        "_ipython_canary_method_should_not_exist_",
        "__array__",
        "__wrapped__",
        "__sklearn_tags__",
    ):
        with pytest.raises(AttributeError) as caught:
            getattr(model, name)
        assert (caught.value.name, caught.value.obj) == (name, model)
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model)), copy.copy(model)):
        assert twin.count_parameters() == model.count_parameters()
    optimizer = nn.Adam(model.parameters())
    assert pickle.loads(pickle.dumps(optimizer)).steps == copy.deepcopy(optimizer).steps == 0


class TestKeywords:
    @pytest.mark.parametrize("name", elsewhere.RENAMED.written)
    def test_a_renamed_one_is_a_parameter_of_something(self, name):
        names = {p for things in CALLS.values() for thing in things for p in inspect.signature(thing).parameters}
        names |= {p for thing in OTHERS for p in inspect.signature(thing).parameters}
        assert set(elsewhere.RENAMED.written[name].split()) <= names

    @pytest.mark.parametrize("kind", CALLS)
    def test_whatever_is_called_tells_of_them(self, kind):
        for thing in CALLS[kind]:
            if any(p.kind is p.VAR_KEYWORD for p in inspect.signature(thing).parameters.values()):
                continue  # takes parts by any name
            with pytest.raises(TypeError, match=r"unexpected keyword argument 'zzz'\. It takes "):
                thing(zzz=1)

    @pytest.mark.parametrize(
        ("call", "says"),
        [
            (lambda: nn.SGD(small().parameters(), lr=0.1), "Write `learning_rate=` for `lr=`."),
            (lambda: nn.Adam(small().parameters(), betas_=1), "Write `betas=` for `betas_=`."),
            (lambda: nn.Adam(small().parameters(), fused=True), "Leave it out"),
            (lambda: nn.Linear(in_features=3, out_features=4), "Write `d_in=` for `in_features=`. Write `d_out=`"),
            (lambda: nn.Linear(3, 4, activation="relu"), "as a layer after it"),
            (lambda: nn.Conv2d(3, 8, kernel_size=3), "Write `kernel=` for `kernel_size=`."),
            (lambda: nn.Dropout(p=0.5), "Write `share=` for `p=`."),
            (lambda: nn.LSTM(3, hidden_size=4), "Write `units=` for `hidden_size=`."),
            (lambda: nn.LSTM(3, 4, num_layers=2), "Write `layers=` for `num_layers=`."),
            (lambda: nn.LSTM(3, 4, batch_first=True), "Leave it out: inputs are (examples, steps, features)."),
            (lambda: nn.Embedding(num_embeddings=9, embedding_dim=3), "Write `count=` for `num_embeddings=`."),
            (lambda: nn.BatchNorm(3, eps=1e-3), "Write `epsilon=` for `eps=`."),
            (lambda: nn.LeakyReLU(negative_slope=0.1), "Write `slope=` for `negative_slope=`."),
            (lambda: nn.Softmax(dim=-1), "Write `axis=` for `dim=`."),
            (lambda: nn.ReLU(inplace=True), "nothing is written in place"),
            (lambda: nn.MultiHeadAttention(embed_dim=8, num_heads=2), "Write `heads=` for `num_heads=`."),
            (lambda: nn.MLP(hidden_layer_sizes=[3]), "Write `sizes=` for `hidden_layer_sizes=`."),
            (lambda: nn.cross_entropy(np.ones((8, 3)), Y, weight=[1, 2, 3]), "Write `class_weights=` for `weight=`."),
            (lambda: nn.cross_entropy(np.ones((8, 3)), Y, from_logits=True), "losses take scores"),
            (lambda: nn.DataLoader(X, Y, num_workers=2), "Write `prefetch=` for `num_workers=`."),
            (lambda: nn.DataLoader(X, Y, collate_fn=list), "Write `collate=` for `collate_fn=`."),
            (lambda: nn.EarlyStopping(restore_best_weights=True), "Write `restore=`"),
            (lambda: nn.fit(small(), nn.cross_entropy, (X, Y), lr=0.1), "optimizer=nn.Adam(model.parameters()"),
            (lambda: nn.fit(small(), nn.cross_entropy, (X, Y), learning_rate=0.1), "learning_rate=1e-3"),
            (lambda: nn.fit(small(), nn.cross_entropy, (X, Y), validation_data=(X, Y)), "Write `validation=`"),
            (lambda: nn.fit(small(), nn.cross_entropy, (X, Y), verbose=0), "Write `progress=False` for no bar."),
            (lambda: nn.fit(small(), nn.cross_entropy, (X, Y), n_epochs=3), "Write `epochs=` for `n_epochs=`."),
            (lambda: nn.fit(small(), nn.cross_entropy, x=X, y=Y), "The data comes third"),
            (
                lambda: nn.SGD(small().parameters(), 0.1).zero_grad(set_to_none=True),
                "a gradient that is cleared is None",
            ),
            (lambda: nn.Parameter(np.ones(3), requires_grad=False), "`nn.Buffer(np.ones(3))`"),
            (lambda: small().train(mode=False), "Write `training=` for `mode=`."),
            (lambda: nn.predict(small(), X, verbose=0), "Write `progress=False`"),
        ],
    )
    def test_are_answered(self, call, says):
        with pytest.raises(TypeError, match=re.escape(says)):
            call()

    def test_arguments_that_are_missing_are_told_with_what_is_done(self):
        with pytest.raises(TypeError, match=r"`nn\.fit\(model, nn\.cross_entropy, \(x, y\)\)`"):
            nn.fit(small(), (X, Y))
        with pytest.raises(
            TypeError, match=r"`save\(path, model, \.\.\.\)`: write a checkpoint: the model, its random"
        ):
            nn.save("m.safetensors")
        with pytest.raises(TypeError, match=r"`nn\.predict\(model, x\)`"):
            nn.predict(X)
        with pytest.raises(TypeError, match=r"`Linear\(d_in, d_out, \.\.\.\)`"):
            nn.Linear(3)

    def test_of_a_class_of_ones_own_are_pythons(self):
        class Net(nn.Module):
            def __init__(self, width):
                super().__init__()

        with pytest.raises(TypeError, match=r"'hidden_size'$"):
            Net(hidden_size=3)

    def test_do_not_hide_signatures_and_pickles(self):
        assert list(inspect.signature(nn.Linear).parameters)[:2] == ["d_in", "d_out"]
        assert next(iter(inspect.signature(nn.fit).parameters)) == "model"
        assert pickle.loads(pickle.dumps(nn.fit)) is nn.fit
