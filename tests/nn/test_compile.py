"""Steps of networks as programs: layers, losses, optimizers and trainings give the same bits as without."""

import copy
import pickle
import warnings

import numpy as np
import pytest

import nn
from autograd_mini import CompileError, checked, compile, everywhere, primitive, rule
from benchmarks import fast_rounding

RNG = np.random.default_rng(0)


def numbers(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


def positive(rows):
    """Rows of probabilities."""
    return np.exp(rows) / np.exp(rows).sum(axis=-1, keepdims=True)


ROWS = [(numbers(16, 6), RNG.integers(0, 3, 16)) for _ in range(2)]
OTHER = [(numbers(9, 6), RNG.integers(0, 3, 9))]
IMAGES = [(numbers(4, 2, 8, 8), RNG.integers(0, 3, 4)) for _ in range(2)]
SERIES = [(numbers(4, 5, 6), RNG.integers(0, 3, 4)) for _ in range(2)]
WORDS = [(RNG.integers(0, 6, (4, 5)), RNG.integers(0, 3, 4)) for _ in range(2)]


class Last(nn.Module):
    """The last step of what a recurrent layer gives."""

    def forward(self, x):
        outputs = x[0] if isinstance(x, tuple) else x
        return outputs[:, -1]


class Average(nn.Module):
    """The mean over steps."""

    def forward(self, x):
        return np.mean(x, axis=1)


def hidden(*layers):
    return lambda: nn.Sequential(nn.Linear(6, 8, rng=0), *(layer() for layer in layers), nn.Linear(8, 3, rng=1))


ACTIVATIONS = ["tanh", "sigmoid", "relu", "leaky_relu", "elu", "gelu", "selu", "softplus", "prelu"]
NETS = {
    **{activation: (lambda a=activation: nn.MLP([6, 8, 3], activation=a, rng=0), ROWS) for activation in ACTIVATIONS},
    "dropout": (hidden(nn.Tanh, lambda: nn.Dropout(0.4, rng=2)), ROWS),
    "noise": (hidden(lambda: nn.GaussianNoise(0.4, rng=2), nn.Tanh), ROWS),
    "masking": (hidden(lambda: nn.Masking(0.4, rng=2), nn.Tanh), ROWS),
    "batch norm": (hidden(lambda: nn.BatchNorm(8), nn.ReLU), ROWS),
    "layer norm": (hidden(lambda: nn.LayerNorm(8), nn.GELU), ROWS),
    "group norm": (hidden(lambda: nn.GroupNorm(2, 8), nn.Tanh), ROWS),
    "weight norm": (lambda: nn.Sequential(nn.WeightNorm(nn.Linear(6, 3, rng=0))), ROWS),
    "convolution": (
        lambda: nn.Sequential(
            nn.Conv2d(2, 3, 3, rng=0), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(27, 3, rng=1)
        ),
        IMAGES,
    ),
    "recurrent": (lambda: nn.Sequential(nn.RNN(6, 4, rng=0), Last(), nn.Linear(4, 3, rng=1)), SERIES),
    "lstm": (lambda: nn.Sequential(nn.LSTM(6, 4, rng=0), Last(), nn.Linear(4, 3, rng=1)), SERIES),
    "gru": (lambda: nn.Sequential(nn.GRU(6, 4, rng=0), Last(), nn.Linear(4, 3, rng=1)), SERIES),
    "attention": (
        lambda: nn.Sequential(nn.MultiHeadAttention(6, 2, rng=0), Average(), nn.Linear(6, 3, rng=1)),
        SERIES,
    ),
    "embedding": (lambda: nn.Sequential(nn.Embedding(6, 4, rng=0), Average(), nn.Linear(4, 3, rng=1)), WORDS),
}
OPTIMIZERS = {
    "sgd": lambda p: nn.SGD(p, 0.1),
    "momentum": lambda p: nn.SGD(p, 0.1, momentum=0.9, nesterov=True, weight_decay=1e-3),
    "adam": lambda p: nn.Adam(p, 0.01),
    "amsgrad": lambda p: nn.Adam(p, 0.01, amsgrad=True, weight_decay=1e-3),
    "adamw": lambda p: nn.AdamW(p, nn.schedules.cosine(0.05, steps=8)),
    "rmsprop": lambda p: nn.RMSprop(p, 0.01, momentum=0.5),
    "adagrad": lambda p: nn.AdaGrad(p, 0.05),
}
LOSSES = {
    "squared error": (nn.squared_error, numbers(16, 3)),
    "absolute error": (nn.absolute_error, numbers(16, 3)),
    "logistic": (nn.logistic_loss, RNG.random((16, 3)).astype(np.float32)),
    "hinge": (nn.hinge_loss, RNG.integers(0, 3, 16)),
    "divergence": (nn.kl_divergence, positive(numbers(16, 3))),
    "shares": (nn.cross_entropy, positive(numbers(16, 3))),
    "smoothed": (lambda o, y: nn.cross_entropy(o, y, label_smoothing=0.1, ignore_index=2), RNG.integers(0, 3, 16)),
    "weighted": (lambda o, y: nn.cross_entropy(o, y, class_weights=[1, 2, 3]), RNG.integers(0, 3, 16)),
}


def stepping(model, optimizer, loss=nn.cross_entropy, between=lambda model: None):
    """A training step."""

    def step(x, y):
        optimizer.zero_grad()
        error = loss(model(x), y)
        error.backward()
        between(model)
        optimizer.step()
        return error

    return step


def assert_same_bits(make, batches, optimizer=OPTIMIZERS["sgd"], count=8, **options):
    """Steps with a program and without leave the same; return the compiled step."""
    plain, compiled = make(), make()
    rules = [optimizer(list(model.parameters())) for model in (plain, compiled)]
    step = stepping(plain, rules[0], **options)
    program = compile(compiled, rules[1])(stepping(compiled, rules[1], **options))
    for i in range(count):
        batch = batches[i % len(batches)]
        assert step(*batch).data.tobytes() == program(*batch).data.tobytes(), i
    assert program.last is not None, "no program ran"
    assert program.last.ready
    for (name, part), other in zip(plain.state_dict().items(), compiled.state_dict().values(), strict=True):
        assert part.tobytes() == other.tobytes(), name
    states = [rule.state_dict() for rule in rules]
    assert states[0].keys() == states[1].keys()
    assert all(np.array_equal(states[0][key], states[1][key]) for key in states[0])
    generators = [[g.bit_generator.state for _, g in model.named_generators()] for model in (plain, compiled)]
    assert generators[0] == generators[1]
    return program


@pytest.mark.parametrize("name", NETS)
def test_layers_compile_to_the_same_bits(name):
    make, batches = NETS[name]
    assert_same_bits(make, batches)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_compile_to_the_same_bits_over_two_sizes_of_batches(name):
    program = assert_same_bits(NETS["tanh"][0], [*ROWS, *OTHER], OPTIMIZERS[name], count=18)
    assert sum(entry.ready for entry in program.entries) == 2


@pytest.mark.parametrize("name", LOSSES)
def test_losses_compile_to_the_same_bits(name):
    loss, target = LOSSES[name]
    assert_same_bits(NETS["tanh"][0], [(ROWS[0][0], target)], loss=loss)


@pytest.mark.parametrize(
    "between",
    [
        lambda model: nn.clip_norm(model, 0.1),
        lambda model: nn.clip_norm(model, 1e3),
        lambda model: nn.clip_value(model, 0.01),
        lambda model: nn.normalise_gradients(model),
    ],
    ids=["clipped", "within the norm", "clipped by value", "normalised"],
)
def test_what_comes_between_backward_and_step_compiles(between):
    assert_same_bits(NETS["tanh"][0], ROWS, between=between)


def test_a_clipping_that_is_needed_in_some_steps_only_has_one_program():
    program = assert_same_bits(
        NETS["tanh"][0], ROWS, OPTIMIZERS["adam"], count=30, between=lambda model: nn.clip_norm(model, 0.4)
    )
    assert [entry.deviations for entry in program.entries if entry.ready] == [0]


def test_groups_of_parameters_have_rates_of_their_own():
    def optimizer(parameters):
        return nn.Optimizers(nn.SGD(parameters[:2], 0.1), nn.AdamW(parameters[2:], 0.01))

    assert_same_bits(NETS["tanh"][0], ROWS, optimizer)


# Sequences of unequal length, gradients of single examples, what users write


LENGTHS = [np.array(lengths) for lengths in ([5, 5, 3, 1], [4, 2, 5, 3], [2, 5, 1, 5], [3, 3, 5, 4])]
PADDED = [(numbers(4, 5, 6), lengths, RNG.integers(0, 3, 4)) for lengths in LENGTHS]


class OfSequences(nn.Module):
    """A layer along sequences with lengths, and what makes classes of its results."""

    def __init__(self, layer, pool=None):
        super().__init__()
        self.layer, self.pool, self.out = layer, pool, nn.Linear(6, 3, rng=1)

    def forward(self, x, lengths):
        along = self.layer(x, lengths=lengths)
        along = along[0] if isinstance(along, tuple) else along
        return self.out(along if self.pool is None else self.pool(along, lengths))


def assert_same_steps(make, batches, write, count=16):
    """As `assert_same_bits`, of steps that `write(model, optimizer)` gives, and that return an array."""
    models = make(), make()
    rules = [nn.SGD(model.parameters(), 0.1, momentum=0.9) for model in models]
    step = write(models[0], rules[0])
    program = compile(models[1], rules[1])(write(models[1], rules[1]))
    for i in range(count):
        batch = batches[i % len(batches)]
        assert np.asarray(step(*batch)).tobytes() == np.asarray(program(*batch)).tobytes(), i
    assert program.last is not None, "no program ran"
    assert program.last.ready
    for (name, part), other in zip(models[0].state_dict().items(), models[1].state_dict().values(), strict=True):
        assert part.tobytes() == other.tobytes(), name


def of_sequences(loss=nn.cross_entropy):
    """Steps whose batches have lengths."""

    def write(model, optimizer):
        def step(x, lengths, y):
            optimizer.zero_grad()
            error = loss(model(x, lengths), y)
            error.backward()
            optimizer.step()
            return error.data

        return step

    return write


@pytest.mark.parametrize("pool", [nn.MeanOverTime, nn.MaxOverTime])
@pytest.mark.parametrize(
    "layer",
    [
        lambda: nn.RNN(6, 6, rng=0),
        lambda: nn.LSTM(6, 3, rng=0, layers=2, bidirectional=True),
        lambda: nn.GRU(6, 6, rng=0, layers=2),
        lambda: nn.MultiHeadAttention(6, 2, rng=0),
    ],
    ids=["recurrent", "lstm both ways", "gru", "attention"],
)
def test_one_program_serves_sequences_of_any_lengths(layer, pool):
    assert_same_steps(lambda: OfSequences(layer(), pool()), PADDED, of_sequences())


def test_lengths_that_no_example_reaches_are_those_of_the_program():
    short = [(x, np.minimum(lengths, 4), y) for x, lengths, y in PADDED]
    assert_same_steps(lambda: OfSequences(nn.GRU(6, 6, rng=0), nn.MeanOverTime()), short, of_sequences())


def test_losses_of_padded_sequences_compile():
    labels = [np.where(nn.sequence_mask(lengths, 5), RNG.integers(0, 3, (4, 5)), -1) for lengths in LENGTHS]
    batches = [(x, lengths, y) for (x, lengths, _), y in zip(PADDED, labels, strict=True)]
    assert_same_steps(
        lambda: OfSequences(nn.GRU(6, 6, rng=0)), batches, of_sequences(nn.unpadded(nn.cross_entropy)), count=24
    )


def of_examples(model, optimizer):
    gradients = nn.per_example_grad(nn.cross_entropy, chunk=5)

    def step(x, y):
        for name, gradient in gradients(model, x, y).items():
            dict(model.named_parameters())[name].grad = np.mean(gradient, axis=0)
        optimizer.step()
        return model[0].weights.data * 1

    return step


def clipped(model, optimizer):
    def step(x, y):
        norms = nn.clip_examples(model, nn.cross_entropy, x, y, norm=0.5)
        optimizer.step()
        return norms

    return step


def accumulated(model, optimizer):
    def step(x, y):
        optimizer.zero_grad()
        for rows in (slice(0, 10), slice(10, None)):
            nn.cross_entropy(model(x[rows]), y[rows]).backward()
        norm = nn.clip_norm(model, 0.1)
        optimizer.step()
        return norm

    return step


@pytest.mark.parametrize("write", [of_examples, clipped, accumulated])
def test_steps_that_users_write_compile(write):
    assert_same_steps(NETS["tanh"][0], ROWS, write)


@primitive
def cube(x):
    return x**3


rule(cube, lambda g, _out, x: g * 3 * x**2)


def hooked():
    model = NETS["tanh"][0]()
    model[0].weights.register_hook(lambda g: g * np.float32(0.5))
    model[2].freeze()
    return model


class Cube(nn.Module):
    def forward(self, x):
        return cube(x)


@pytest.mark.parametrize(
    "make",
    [
        *(hidden(layer) for layer in (nn.SiLU, nn.LogSigmoid, nn.LogSoftmax, nn.Softmax, nn.Identity, nn.Sign, Cube)),
        hidden(lambda: nn.PReLU(8)),
        hidden(lambda: nn.Residual(nn.Linear(8, 8, rng=4), nn.Tanh())),
        hooked,
    ],
)
def test_other_layers_primitives_and_hooks_compile(make):
    assert_same_bits(make, ROWS)


@pytest.mark.parametrize(
    "layers",
    [
        lambda: [nn.Conv2d(2, 4, 3, stride=2, padding=1, groups=2, rng=0), nn.BatchNorm(4)],
        lambda: [nn.ConvTranspose2d(2, 4, 3, stride=2, padding=1, rng=0), nn.AvgPool2d(2)],
        lambda: [nn.WeightNorm(nn.Conv2d(2, 4, 3, padding="same", rng=0)), nn.ChannelDropout(0.5, rng=1)],
        lambda: [nn.Conv2d(2, 4, 3, rng=0), nn.GroupNorm(2, 4), nn.MaxPool2d(3, stride=2, padding=1)],
    ],
    ids=["strides and groups", "transposed", "weight norm", "windows that overlap"],
)
def test_images_compile(layers):
    def make():
        before = nn.Sequential(*layers(), nn.Flatten())
        width = before(IMAGES[0][0]).shape[1]
        return nn.Sequential(*layers(), nn.Flatten(), nn.Linear(width, 3, rng=1))

    assert_same_bits(make, IMAGES)


SCHEDULES = nn.schedules


@pytest.mark.parametrize(
    "rate",
    [
        SCHEDULES.exponential(0.1, 0.9, 2),
        SCHEDULES.inverse_sqrt(0.1, 3),
        SCHEDULES.one_cycle(0.1, 12),
        SCHEDULES.polynomial(0.1, 12, 2.0, warmup=2),
        SCHEDULES.step(0.1, 3),
        SCHEDULES.warmup(0.1, 4),
        lambda t: 0.1 / (t + 1),
    ],
)
def test_schedules_need_one_program(rate):
    program = assert_same_bits(NETS["tanh"][0], ROWS, lambda p: nn.SGD(p, rate), count=12)
    assert len(program.entries) == 1


def test_noise_of_a_generator_that_nobody_named_is_refused():
    model = NETS["tanh"][0]()
    optimizer, rng = nn.SGD(model.parameters(), 0.1), np.random.default_rng(0)

    @compile(model, optimizer)
    def step(x, y):
        nn.clip_examples(model, nn.cross_entropy, x, y, norm=0.5, noise=1.0, rng=rng)
        optimizer.step()

    with pytest.raises(CompileError, match="rng"):
        step(*ROWS[0])


# What may happen between two calls


def changes():
    """Each as a function of model and optimizer."""

    def data(model, _optimizer):
        model[0].weights.data = model[0].weights.data * np.float32(0.5)

    def rate(_model, optimizer):
        optimizer.learning_rate = 0.01

    def option(_model, optimizer):
        optimizer.beta1 = 0.5

    def evaluation(model, _optimizer):
        model.eval()

    def frozen(model, _optimizer):
        model[0].freeze()

    def share(model, _optimizer):
        model[2].share = 0.1

    def hook(model, _optimizer):
        model[0].weights.register_hook(lambda g: g * 2)

    def state(_model, optimizer):
        optimizer.load_state_dict(optimizer.state_dict())

    def read(_model, optimizer):
        optimizer.state[0][0][...] = 0

    def weights(model, _optimizer):
        model.load_state_dict({path: array * 0.9 for path, array in model.state_dict().items()})

    def copies(model, optimizer):
        pickle.loads(pickle.dumps(copy.deepcopy((model, optimizer))))

    def eager(model, optimizer):
        for _ in range(2):
            stepping(model, optimizer)(*OTHER[0])

    return [data, rate, option, evaluation, frozen, share, hook, state, read, weights, copies, eager]


@pytest.mark.parametrize("change", changes(), ids=lambda change: change.__name__)
def test_what_changes_between_two_calls_is_seen(change):
    plain, compiled = (hidden(nn.Tanh, lambda: nn.Dropout(0.4, rng=2))() for _ in range(2))
    rules = [nn.Adam(model.parameters(), 0.05) for model in (plain, compiled)]
    step = stepping(plain, rules[0])
    program = compile(compiled, rules[1])(stepping(compiled, rules[1]))
    for i in range(16):
        if i == 7:
            change(plain, rules[0])
            change(compiled, rules[1])
        assert step(*ROWS[i % 2]).data.tobytes() == program(*ROWS[i % 2]).data.tobytes(), i
        for part, other in zip(plain.state_dict().values(), compiled.state_dict().values(), strict=True):
            assert part.tobytes() == other.tobytes(), i
    assert program.last is not None


@pytest.fixture
def small():
    """A network, and its compiled step of gradient descent."""
    model = NETS["tanh"][0]()
    optimizer = nn.SGD(model.parameters(), 0.1)
    return model, compile(model, optimizer)(stepping(model, optimizer))


def test_an_array_that_the_user_holds_keeps_its_values(small):
    model, step = small
    for _ in range(6):
        step(*ROWS[0])
    weights, row = model[0].weights.data, model[2].weights.data[0]
    before = weights.copy(), row.copy()
    for _ in range(3):
        step(*ROWS[0])
    assert np.array_equal(weights, before[0])
    assert np.array_equal(row, before[1])
    assert not np.array_equal(model[0].weights.data, weights)


def test_a_graph_that_was_made_before_a_compiled_step_has_its_own_gradients(small):
    model, step = small
    for _ in range(6):
        step(*ROWS[0])
    twin = copy.deepcopy(model)
    loss, same = nn.cross_entropy(model(ROWS[1][0]), ROWS[1][1]), nn.cross_entropy(twin(ROWS[1][0]), ROWS[1][1])
    step(*ROWS[0])
    model.zero_grad()
    loss.backward()
    same.backward()
    for parameter, other in zip(model.parameters(), twin.parameters(), strict=True):
        assert np.array_equal(parameter.grad, other.grad)


def test_a_label_out_of_range_raises_as_without_a_program_and_changes_nothing():
    model = NETS["tanh"][0]()
    optimizer = nn.Adam(model.parameters(), 0.1)
    step = compile(model, optimizer)(stepping(model, optimizer))
    for _ in range(6):
        step(*ROWS[0])
    before, count = model.state_dict(), optimizer.steps
    with pytest.raises(ValueError, match="Labels count from 0"):
        step(ROWS[0][0], np.full(16, 7))
    assert all(np.array_equal(before[path], array) for path, array in model.state_dict().items())
    assert optimizer.steps == count
    step(*ROWS[0])


def test_a_label_out_of_range_in_the_first_call_raises_as_without_a_program(small):
    _, step = small
    with pytest.raises(ValueError, match="Labels count from 0"):
        step(ROWS[0][0], np.full(16, 7))


def test_a_step_that_keeps_a_number_of_its_own_names_it():
    model = NETS["tanh"][0]()
    optimizer = nn.SGD(model.parameters(), 0.1)

    @compile(model, optimizer)
    def step(x, y):
        model.count = getattr(model, "count", 0) + 1
        return stepping(model, optimizer)(x, y)

    model.count = 0
    with pytest.raises(CompileError, match="count"):
        step(*ROWS[0])


def test_inside_of_signals_a_step_is_computed_without_a_program_and_says_so_once(small):
    _, step = small
    for _ in range(5):
        step(*ROWS[0])

    with checked(), pytest.warns(UserWarning, match="without a program"):
        step(*ROWS[0])
    with checked(), warnings.catch_warnings():
        warnings.simplefilter("error")
        step(*ROWS[0])


# Trainings


def trained(compiled, **options):
    model = hidden(lambda: nn.BatchNorm(8), nn.Tanh, lambda: nn.Dropout(0.2, rng=3))()
    loss = options.pop("loss", nn.cross_entropy)
    x = np.random.default_rng(1).standard_normal((70, 6)).astype(np.float32)
    y = np.random.default_rng(2).integers(0, 3, 70)
    made = {name: value() if name == "callbacks" else value for name, value in options.items()}
    history = nn.fit(model, loss, (x, y), epochs=4, batch_size=16, compile=compiled, **made)
    return history["loss"].tolist(), {path: array.tobytes() for path, array in model.state_dict().items()}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"metrics": [nn.accuracy]},
        {"clip_norm": 0.1},
        {"accumulate": 2},
        {"sample_weight": np.linspace(0.1, 1, 70)},
        {"loss": lambda o, y: nn.cross_entropy(o, y, ignore_index=2), "accumulate": 3},
        {"optimizer": lambda p: nn.SGD(p, nn.schedules.cosine(0.1, steps=20), momentum=0.9)},
        {"callbacks": lambda: [nn.EarlyStopping(monitor="loss", patience=1)]},
    ],
    ids=["plain", "metrics", "clipped", "accumulated", "weighted", "ignored", "scheduled", "stopped"],
)
def test_a_compiled_training_has_the_same_bits(options):
    assert trained(True, **options) == trained(False, **options)


def test_a_compiled_training_that_a_signal_log_watches_has_the_same_bits_and_says_what_it_does():
    logs = []

    def run(compiled):
        model = NETS["tanh"][0]()
        logs.append(nn.SignalLog(model, every=5))
        x, y = np.concatenate([x for x, _ in ROWS]), np.concatenate([y for _, y in ROWS])
        nn.fit(model, nn.cross_entropy, (x, y), epochs=8, batch_size=8, compile=compiled, callbacks=[logs[-1]])
        return [array.tobytes() for array in model.state_dict().values()]

    with pytest.warns(UserWarning, match="SignalLog"):
        compiled = run(True)
    assert compiled == run(False)
    assert logs[0].steps == logs[1].steps
    assert logs[0].losses == logs[1].losses


def test_a_compiled_training_resumes_from_its_checkpoint(tmp_path):
    def run(epochs, resume):
        model = hidden(nn.Tanh, lambda: nn.Dropout(0.2, rng=3))()
        path = tmp_path / "run.safetensors"
        x, y = np.concatenate([x for x, _ in ROWS]), np.concatenate([y for _, y in ROWS])
        nn.fit(
            model, nn.cross_entropy, (x, y), epochs=epochs, batch_size=8, compile=True, checkpoint=path, resume=resume
        )
        return [array.tobytes() for array in model.state_dict().values()]

    pytest.importorskip("safetensors")
    whole = run(6, False)
    run(3, False)
    assert run(6, True) == whole


def test_a_training_whose_loss_is_not_finite_stops_with_the_weights_before():
    model = NETS["tanh"][0]()
    x, y = numbers(64, 6), RNG.integers(0, 3, 64)
    x[50] = np.nan
    kept = []
    with pytest.raises(FloatingPointError, match="NaN or infinite"):
        nn.fit(
            model,
            nn.cross_entropy,
            nn.DataLoader(x, y, batch_size=8),
            compile=True,
            callbacks=[type("Keep", (), {"on_step": lambda _self, run: kept.append(run.model.state_dict())})()],
        )
    assert len(kept) == 6
    assert all(np.array_equal(kept[-1][path], array) for path, array in model.state_dict().items())


def test_a_training_and_an_estimator_take_the_options_of_compile():
    trained = []
    for options in (False, {"fast": True}):
        model = NETS["tanh"][0]()
        nn.fit(model, nn.cross_entropy, ROWS[0], epochs=5, batch_size=8, rng=0, compile=options)
        trained.append(model)
    for part, other in zip(*(model.state_dict().values() for model in trained), strict=True):
        np.testing.assert_allclose(part, other, rtol=1e-3, atol=1e-5)
    with pytest.raises(TypeError, match="write True, False, or options"):
        nn.fit(model, nn.cross_entropy, ROWS[0], compile="fast")
    with pytest.raises(TypeError, match="speed"):
        nn.fit(model, nn.cross_entropy, ROWS[0], compile={"speed": 2})
    estimators = pytest.importorskip("nn.estimators")
    with pytest.raises(CompileError, match="whole number from 1 on"):
        estimators.MLPRegressor(compile={"threads": 0}).fit(*ROWS[0])


def test_an_estimator_compiles_to_the_same_coefficients():
    estimators = pytest.importorskip("nn.estimators")
    x, y = ROWS[0]
    made = [
        estimators.MLPClassifier(max_iter=500, tol=0.01, random_state=0, compile=c, batch_size=8) for c in (False, True)
    ]
    fits = [estimator.fit(x, y) for estimator in made]
    assert all(a.tobytes() == b.tobytes() for a, b in zip(fits[0].coefs_, fits[1].coefs_, strict=True))


# Close to it


@pytest.mark.parametrize("name", ["tanh", "relu", "batch norm", "convolution", "gru", "dropout"])
@pytest.mark.parametrize("rule", ["sgd", "adam", "momentum"])
def test_fast_programs_stay_close(name, rule):
    make, batches = NETS[name]
    plain, compiled = make(), make()
    rules = [OPTIMIZERS[rule](list(model.parameters())) for model in (plain, compiled)]
    step = stepping(plain, rules[0])
    program = compile(compiled, rules[1], fast=True)(stepping(compiled, rules[1]))
    for i in range(8):
        first, second = step(*batches[i % 2]), program(*batches[i % 2])
        np.testing.assert_allclose(first.data, second.data, rtol=1e-3)
    assert program.last is not None
    for part, other in zip(plain.state_dict().values(), compiled.state_dict().values(), strict=True):
        np.testing.assert_allclose(part, other, rtol=1e-2, atol=1e-3)


@pytest.mark.heavy
@pytest.mark.parametrize("measure", fast_rounding.MEASURES)
@pytest.mark.parametrize("name", fast_rounding.TRAININGS)
def test_fast_programs_round_no_worse_than_eager_code(name, measure):
    *_, ratio = fast_rounding.ratio(fast_rounding.TRAININGS[name], seeds=12, steps=30, measure=measure)
    assert ratio < fast_rounding.LIMIT


@pytest.mark.parametrize("rule", ["sgd", "momentum", "adam"])
def test_two_steps_in_one_call_are_two_steps_of_the_program(rule):
    def twice(model, optimizer):
        step = stepping(model, optimizer)

        def both(x, y):
            step(x, y)
            return step(x, y)

        return both

    plain, compiled = NETS["tanh"][0](), NETS["tanh"][0]()
    rules = [OPTIMIZERS[rule](list(model.parameters())) for model in (plain, compiled)]
    step, program = twice(plain, rules[0]), compile(compiled, rules[1])(twice(compiled, rules[1]))
    for i in range(8):
        assert step(*ROWS[i % 2]).data.tobytes() == program(*ROWS[i % 2]).data.tobytes()
    assert program.last is not None
    assert rules[1].steps == rules[0].steps == 16


def test_a_parameter_without_axes_and_a_buffer_compile():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(6, 3, rng=0)
            self.scale = nn.Parameter(np.float32(0.5))
            self.calls = nn.Buffer(np.zeros((), np.float32))

        def forward(self, x):
            self.calls.data = self.calls.data + np.float32(1)
            return self.layer(x) * self.scale

    assert_same_bits(Scaled, ROWS, OPTIMIZERS["adam"])


def test_a_check_that_fails_in_the_middle_changes_nothing_before_the_step_is_computed_without_a_program():
    def make():
        return hidden(lambda: nn.BatchNorm(8), nn.ReLU, lambda: nn.Dropout(0.3, rng=2))()

    def step_of(model, optimizer):
        def step(x, y):
            optimizer.zero_grad()
            loss = nn.cross_entropy(model(x), y)
            if everywhere(x[0, 0] > 0):
                loss = 2 * loss
            loss.backward()
            optimizer.step()
            return loss

        return step

    plain, compiled = make(), make()
    rules = [nn.Adam(model.parameters(), 0.01) for model in (plain, compiled)]
    step, program = step_of(plain, rules[0]), compile(compiled, rules[1])(step_of(compiled, rules[1]))
    for i in range(14):
        x, y = ROWS[i % 2][0].copy(), ROWS[i % 2][1]
        x[0, 0] = -1 if i in {6, 9, 10} else 1
        assert step(x, y).data.tobytes() == program(x, y).data.tobytes(), i
        for part, other in zip(plain.state_dict().values(), compiled.state_dict().values(), strict=True):
            assert part.tobytes() == other.tobytes(), i
    assert program.last is not None
