"""Names of networks in other libraries, and what to write here: tables as those of `autograd_mini.elsewhere`.

Nothing here is asked for a name that exists.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Collection
from typing import Any, TypeVar

from autograd_mini import elsewhere

Rows = elsewhere.Rows

Function = TypeVar("Function", bound=Callable[..., Any])

PLACE = 'Leave it out: a model goes to a GPU whole, `model = model.to_device("cpu")`, or "cuda:0" in its place.'
INPLACE = "Leave it out: nothing is written in place."
FIT = "nn.fit(model, nn.cross_entropy, (x, y), optimizer=nn.Adam(model.parameters(), 1e-3), epochs=2)"
TRAINING = f"A training is one call: `{FIT}`."
INITIAL = (
    "Write `init='he'` where the layer is made, as in `nn.Linear(4, 3, init='he', rng=0)`; `nn.init` has the others."
)


def activation(layer: str, function: str = "") -> str:
    """What to write for the function of an activation: a part of the model, which can be exchanged and is printed."""
    alone = function or f"{layer}(x)"
    return f"Write `self.act = {layer}` in `__init__` and `self.act(x)` in `forward`; in a function `{alone}`."


# The module `nn`: layers, losses, training

NN = Rows(
    {
        # layers
        "Dense LazyLinear": "Write `nn.Linear(4, 3)`, with the size of the input and the number of units.",
        "Bilinear": "A module of your own does it: `class Bilinear(nn.Module): ...` with `np.einsum` in its `forward`.",
        "ModuleList ModuleDict LayerList": (
            "Leave it out: lists and dicts of modules are parts, `self.layers = [nn.Linear(4, 4), nn.Tanh()]`."
        ),
        "ParameterList ParameterDict": "Leave it out: lists and dicts of parameters are parts of a module.",
        "Layer Model Block": (
            "Write `class Net(nn.Module): ...` with `forward`, or `nn.Sequential(nn.Linear(4, 3), nn.Tanh())`."
        ),
        "Input InputLayer": "Leave it out: each layer is given its input's size, as in `nn.Linear(4, 3)`.",
        "Activation": "nn.Tanh()",
        "Lambda": "Write `class Double(nn.Module): ...` with a `forward`; functions of NumPy need no layer.",
        "Reshape Unflatten Permute": (
            "Write `x.reshape(8, 2, 2)` in a `forward` of your own; `nn.Flatten()` makes rows."
        ),
        "Concatenate": "np.concatenate([x, x], axis=1)",
        "Add": "Write `x + x`, or `nn.Residual(nn.Linear(4, 4))` for a skip connection.",
        "BatchNorm1d BatchNorm2d BatchNorm3d BatchNormalization LazyBatchNorm1d LazyBatchNorm2d SyncBatchNorm": (
            "nn.BatchNorm(4)"
        ),
        "InstanceNorm1d InstanceNorm2d": "nn.GroupNorm(4, 4)",
        "LayerNormalization": "nn.LayerNorm(4)",
        "GroupNormalization": "nn.GroupNorm(2, 4)",
        "RMSNorm": "`nn.LayerNorm(4)` is near to it: it takes the mean away too.",
        "weight_norm WeightNormalization": "nn.WeightNorm(nn.Linear(4, 3))",
        "spectral_norm": "`nn.WeightNorm(nn.Linear(4, 3))` is near to it: it parts a weight's size from its direction.",
        "Dropout1d Dropout2d Dropout3d SpatialDropout1D SpatialDropout2D": "nn.ChannelDropout(0.5)",
        "AlphaDropout": "nn.Dropout(0.5)",
        "Conv1D": "nn.Conv1d(3, 8, 3)",
        "Conv2D Convolution2D LazyConv2d": "nn.Conv2d(3, 8, 3)",
        "Conv1DTranspose": "nn.ConvTranspose1d(3, 8, 3)",
        "Conv2DTranspose": "nn.ConvTranspose2d(3, 8, 3)",
        "DepthwiseConv2D SeparableConv2D": "nn.Conv2d(3, 6, 3, groups=3)",
        "Conv3d Conv3D": "There are `nn.Conv1d(3, 8, 3)` and `nn.Conv2d(3, 8, 3)`, and none in three dimensions.",
        "MaxPooling2D": "nn.MaxPool2d(2)",
        "AveragePooling2D": "nn.AvgPool2d(2)",
        "MaxPool1d AvgPool1d MaxPooling1D AveragePooling1D": "Write `nn.MaxPool2d((1, 2))` for inputs of height 1.",
        "AdaptiveAvgPool1d AdaptiveAvgPool2d GlobalAveragePooling2D": "images.mean(axis=(2, 3))",
        "AdaptiveMaxPool2d GlobalMaxPooling2D": "images.max(axis=(2, 3))",
        "GlobalAveragePooling1D": "nn.MeanOverTime()",
        "GlobalMaxPooling1D": "nn.MaxOverTime()",
        "Upsample UpSampling2D": (
            "Write `np.repeat(np.repeat(images, 2, axis=2), 2, axis=3)`, or `nn.ConvTranspose2d(3, 8, 3)`."
        ),
        "ZeroPad2d ZeroPadding2D": "Write `nn.Conv2d(3, 8, 3, padding=1)`, or `np.pad` in a `forward` of your own.",
        "EmbeddingBag": "Write `nn.Embedding(10, 4)` and `nn.MeanOverTime()`.",
        "SimpleRNN": "nn.RNN(4, 8)",
        "SimpleRNNCell": "nn.RNNCell(4, 8)",
        "Bidirectional": "nn.LSTM(4, 8, bidirectional=True)",
        "TimeDistributed": "Leave it out: `nn.Linear(4, 3)` takes inputs of any number of axes.",
        "MultiheadAttention Attention": "nn.MultiHeadAttention(8, heads=2)",
        "Transformer TransformerEncoderLayer TransformerEncoder TransformerDecoderLayer": (
            "Write it of `nn.Residual(nn.MultiHeadAttention(8, heads=2))`, `nn.LayerNorm(8)` and `nn.MLP([8, 16, 8])`."
        ),
        "Swish SiLu": "nn.SiLU()",
        "Hardtanh ReLU6 Hardsigmoid Hardswish": (
            "Write `np.clip(x, -1.0, 1.0)` in the `forward` of a module of your own."
        ),
        "Softsign": "x / (1 + np.abs(x))",
        "Softmax2d": "nn.Softmax(axis=1)",
        "LogSoftMax": "nn.LogSoftmax()",
        "relu": activation("nn.ReLU()", "np.maximum(x, 0)"),
        "tanh": activation("nn.Tanh()", "np.tanh(x)"),
        "sigmoid": activation("nn.Sigmoid()"),
        "softmax": activation("nn.Softmax()"),
        "log_softmax": activation("nn.LogSoftmax()"),
        "gelu": activation("nn.GELU()"),
        "silu swish": activation("nn.SiLU()"),
        "elu": activation("nn.ELU()"),
        "selu": activation("nn.SELU()"),
        "leaky_relu": activation("nn.LeakyReLU()"),
        "softplus": activation("nn.Softplus()"),
        "logsigmoid log_sigmoid": activation("nn.LogSigmoid()"),
        "UninitializedParameter": "nn.Parameter(np.zeros((2, 3)))",
        "Variable": "nn.Parameter(np.zeros((2, 3)))",
        "Tensor tensor": "from autograd_mini import Tensor",
        "no_grad": "from autograd_mini import no_grad",
        "jit compile": (
            "Write `nn.fit(model, nn.cross_entropy, (x, y), epochs=1, compile=True)`, or `autograd_mini.compile`."
        ),
        "checkpoint remat": "from autograd_mini import checkpoint",
        # losses
        "CrossEntropyLoss softmax_cross_entropy_with_logits SparseCategoricalCrossentropy CategoricalCrossentropy "
        "sparse_categorical_crossentropy categorical_crossentropy": (
            "Write `nn.cross_entropy(scores, y)`, a function of scores and labels; `nn.fit(model, nn.cross_entropy, "
            "(x, y))`."
        ),
        "NLLLoss": "Write `nn.nll_loss`, a function: `nn.nll_loss(nn.LogSoftmax()(scores), y)`.",
        "BCEWithLogitsLoss BinaryCrossentropy binary_crossentropy binary_cross_entropy_with_logits "
        "sigmoid_cross_entropy_with_logits": (
            "Write `nn.logistic_loss(scores, targets)`, a function of scores, before any sigmoid, and targets from 0 "
            "to 1."
        ),
        "BCELoss binary_cross_entropy": (
            "Write `nn.logistic_loss(scores, targets)`, and leave the sigmoid out: it takes the scores before it."
        ),
        "MSELoss mse_loss MeanSquaredError mean_squared_error mse MSE": (
            "Write `nn.squared_error(outputs, targets)`, a function; `nn.fit(model, nn.squared_error, (x, targets))`."
        ),
        "L1Loss l1_loss MeanAbsoluteError mean_absolute_error mae MAE": "nn.absolute_error(outputs, targets)",
        "SmoothL1Loss smooth_l1_loss HuberLoss Huber huber": "nn.huber_loss(outputs, targets)",
        "KLDivLoss kl_div KLDivergence": "nn.kl_divergence(scores, shares)",
        "CosineEmbeddingLoss CosineSimilarity cosine_similarity": "1 - nn.cosine_distance(outputs, targets)",
        "HingeLoss Hinge hinge MultiMarginLoss multi_margin_loss": "nn.hinge_loss(scores, y)",
        "PoissonNLLLoss GaussianNLLLoss TripletMarginLoss CTCLoss MarginRankingLoss": (
            "A loss is any function of outputs and targets that returns one number: `lambda out, y: np.mean((out - y) "
            "** 2)`."
        ),
        # training
        "Trainer train": TRAINING,
        "test validate": "nn.evaluate(model, nn.cross_entropy, (x, y))",
        "Dataset TensorDataset IterableDataset Subset": (
            "Arrays are a dataset: `nn.DataLoader(x, y)`; so is anything with `__len__` and `__getitem__`."
        ),
        "random_split train_test_split": (
            "Index the arrays: `x[:6], x[6:]`, after `np.random.default_rng(0).permutation(8)`."
        ),
        "EarlyStop early_stopping": "nn.EarlyStopping(patience=5)",
        "ModelCheckpoint": (
            "Write `nn.fit(..., checkpoint='run.safetensors')`; `nn.EarlyStopping()` restores the best weights."
        ),
        "ReduceLROnPlateau": "nn.ReduceOnPlateau()",
        "LearningRateScheduler": "nn.Adam(model.parameters(), nn.schedules.cosine(1e-3, steps=100))",
        "TensorBoard SummaryWriter CSVLogger": (
            "What `nn.fit` returns prints as a table, and is drawn by its `plot`; `nn.SignalLog` writes more."
        ),
        "Callback": (
            "Any function of the training is a callback, and an object with `on_epoch(run)`: `nn.fit(..., "
            "callbacks=[])`."
        ),
        "Metric Accuracy metrics": "Metrics are functions: `nn.fit(..., metrics=[nn.accuracy])`.",
        "accuracy_score": "nn.accuracy(scores, y)",
        "f1_score": "nn.f1(scores, y)",
        "r2_score R2Score": "nn.r2(outputs, targets)",
        "summary": "print(model)",
        "value_and_grad grad": "from autograd_mini import value_and_grad",
        "save_model save_checkpoint": "nn.save(path, model)",
        "load_model load_checkpoint": "nn.load(path, model)",
        "state_dict": "model.state_dict()",
        "clip_grad_norm_ clip_grad_norm clip_by_global_norm": "nn.clip_norm(model.parameters(), 1.0)",
        "clip_grad_value_ clip_by_value": "nn.clip_value(model.parameters(), 1.0)",
        "initializers initializer kaiming_normal_ xavier_uniform_": INITIAL,
        "lr_scheduler learning_rate_schedule": "nn.schedules.cosine(0.1, steps=1000)",
        "callbacks": "nn.EarlyStopping(), nn.ReduceOnPlateau()",
        "Sequence_ applications": ("Models are made of layers: `nn.MLP([4, 5, 3])`, `nn.Sequential(nn.Linear(4, 3))`."),
        "activations": (
            "Activations are layers, such as `nn.ReLU()`; by name in `nn.MLP([4, 5, 3], activation='relu')`."
        ),
        "regularizers L2 l2": "nn.Adam(model.parameters(), weight_decay=1e-4)",
        "one_hot to_categorical": "np.eye(3)[y]",
        "MLPClassifier": "from nn.estimators import MLPClassifier",
        "MLPRegressor": "from nn.estimators import MLPRegressor",
        "Neuron Value": "Write `nn.MLP([4, 5, 3])`, or `nn.Perceptron(np.ones(2))`.",
        "device cuda DataParallel parallel DistributedDataParallel": PLACE,
        "Adagrad": "nn.AdaGrad(model.parameters())",
        "RMSProp": "nn.RMSprop(model.parameters())",
        "NAdam Nadam RAdam Adamax Adadelta Lion": "nn.AdamW(model.parameters())",
        "LBFGS": "nn.minimize(model, nn.cross_entropy, x, y)",
    }
)

# Collections of names that are modules elsewhere: their names are those above, and these

FUNCTIONAL = Rows(
    {
        "linear": "Write `x @ w + b`, or `nn.Linear(4, 3)(x)`, a layer that owns its weights.",
        "dropout": "A layer knows whether it trains: `nn.Dropout(0.5)`.",
        "conv1d": "A layer owns its weights: `nn.Conv1d(3, 8, 3)`.",
        "conv2d": "A layer owns its weights: `nn.Conv2d(3, 8, 3)`.",
        "max_pool2d": "nn.MaxPool2d(2)(images)",
        "avg_pool2d": "nn.AvgPool2d(2)(images)",
        "adaptive_avg_pool2d": "images.mean(axis=(2, 3))",
        "batch_norm": "A layer owns its gain: `nn.BatchNorm(4)`.",
        "layer_norm": "A layer owns its gain: `nn.LayerNorm(4)`.",
        "group_norm": "A layer owns its gain: `nn.GroupNorm(2, 4)`.",
        "embedding": "A layer owns its table: `nn.Embedding(10, 4)`.",
        "flatten": "nn.Flatten()(images)",
        "pad": "np.pad(x, 1)",
        "normalize": "x / np.linalg.norm(x, axis=-1, keepdims=True)",
        "prelu": "A layer owns its slope: `nn.PReLU()`.",
        "hardtanh relu6": "np.clip(x, -1.0, 1.0)",
        "scaled_dot_product_attention": "A layer has it: `nn.MultiHeadAttention(8, heads=2)`.",
        "interpolate": "np.repeat(np.repeat(images, 2, axis=2), 2, axis=3)",
        "grad": "from autograd_mini import grad",
    }
)
OPTIM = Rows(
    {
        "lr_scheduler": (
            "A schedule is given in the place of the rate: `nn.Adam(model.parameters(), nn.schedules.cosine(0.1, "
            "steps=100))`."
        ),
        "Optimizer": "nn.Optimizer",
    }
)
UTILS = Rows(
    {
        "data": "Batches are made by `nn.DataLoader(x, y)`.",
        "rnn": "nn.pad_sequences([x[:3], x[:5]])",
        "pad_sequence pack_padded_sequence": "nn.pad_sequences([x[:3], x[:5]])",
        "parameters_to_vector": "np.concatenate([p.data.ravel() for p in model.parameters()])",
        "vector_to_parameters": (
            "Write `model.load_state_dict(state)`, where `state = model.state_dict()` has an array for each name."
        ),
        "stateless": "`autograd_mini.grad` takes a module as it takes an array.",
        "prune": "Set entries to 0 after each step: `parameter.data[0] = 0.0`.",
    }
)
FAMILIES: dict[str, Rows] = {"functional": FUNCTIONAL, "optim": OPTIM, "utils": UTILS}

# `nn.init` and `nn.schedules`

INIT = Rows(
    {
        "xavier_uniform_ xavier_uniform glorot_uniform GlorotUniform": (
            "nn.Linear(4, 3, init=nn.init.glorot(uniform=True))"
        ),
        "xavier_normal_ xavier_normal glorot_normal GlorotNormal xavier": "nn.Linear(4, 3, init=nn.init.glorot())",
        "kaiming_uniform_ kaiming_uniform he_uniform HeUniform": "nn.Linear(4, 3, init=nn.init.he(uniform=True))",
        "kaiming_normal_ kaiming_normal he_normal HeNormal kaiming": "nn.Linear(4, 3, init=nn.init.he())",
        "normal_ normal trunc_normal_ RandomNormal uniform_ uniform": (
            "nn.Linear(4, 3, init=nn.init.small_random(0.02))"
        ),
        "zeros_ zeros Zeros": "nn.Linear(4, 3, init=nn.init.constant(0.0))",
        "ones_ ones": "nn.Linear(4, 3, init=nn.init.constant(1.0))",
        "constant_": "nn.Linear(4, 3, init=nn.init.constant(0.5))",
        "orthogonal_": "nn.Linear(4, 3, init=nn.init.orthogonal())",
        "lecun_normal": "nn.Linear(4, 3, init=nn.init.he(gain=0.5**0.5))",
        "calculate_gain": "nn.init.glorot(gain=5 / 3)",
    }
)
SCHEDULES = Rows(
    {
        "StepLR MultiStepLR": "nn.schedules.step(0.1, every=30)",
        "ExponentialLR ExponentialDecay exponential_decay": "nn.schedules.exponential(0.1, 0.9)",
        "CosineAnnealingLR CosineDecay cosine_decay": "nn.schedules.cosine(0.1, steps=1000)",
        "OneCycleLR": "nn.schedules.one_cycle(0.1, steps=1000)",
        "LinearLR": "nn.schedules.linear(0.1, 0.0, steps=1000)",
        "PolynomialLR PolynomialDecay": "nn.schedules.polynomial(0.1, steps=1000)",
        "LambdaLR LambdaCallback": (
            "Any function of the step is a schedule: `nn.SGD(model.parameters(), lambda step: 0.1 / (1 + step))`."
        ),
        "SequentialLR ChainedScheduler": "Write `nn.schedules.joined`, which puts schedules one after the other.",
        "ReduceLROnPlateau": "nn.ReduceOnPlateau()",
        "WarmupLR": "nn.schedules.warmup(0.1, steps=100)",
    }
)

# What models and optimizers have elsewhere

MODULE = Rows(
    {
        "fit train_on_batch fit_generator": FIT,
        "predict predict_on_batch": "nn.predict(model, x)",
        "predict_classes": "nn.classify(nn.predict(model, x))",
        "predict_proba": "nn.probabilities(nn.predict(model, x))",
        "evaluate test_on_batch score": "nn.evaluate(model, nn.cross_entropy, (x, y), metrics=[nn.accuracy])",
        "compile": f"Loss and optimizer are given to the training: `{FIT}`.",
        "summary": "print(model)",
        "to": (
            'Write `model = model.to_device("cpu")`, or "cuda:0" in its place; for another precision, '
            "`model = model.astype(np.float64)`."
        ),
        "cuda cpu": 'Write `model = model.to_device("cpu")`, or "cuda:0" in its place.',
        "float": "model = model.astype(np.float32)",
        "double": "model = model.astype(np.float64)",
        "half bfloat16": "model = model.astype(np.float16)",
        "type dtype": "next(model.parameters()).dtype",
        "children modules named_children submodules": "list(model.named_modules())",
        "buffers": "list(model.named_buffers())",
        "add_module register_module": "Set it as an attribute: `self.layer = nn.Linear(4, 3)`.",
        "register_parameter": "Set it as an attribute: `self.scale = nn.Parameter(np.ones(3))`.",
        "register_buffer": "Set it as an attribute: `self.mean = nn.Buffer(np.zeros(3))`.",
        "register_full_backward_hook register_backward_hook": (
            "Gradients are seen by `t.register_hook` of a tensor, and by `nn.signals(model, nn.cross_entropy, x, y)`."
        ),
        "requires_grad_ trainable": "Write `model.freeze()` or `model.unfreeze()`.",
        "trainable_variables trainable_weights variables trainable_params": "list(model.parameters())",
        "get_weights get_params": "model.state_dict()",
        "set_weights set_params": "model.load_state_dict(model.state_dict())",
        "weight kernel": "Write `layer.weights`, of shape (d_in, d_out), as in `nn.Linear(4, 3).weights`.",
        "in_features": "nn.Linear(4, 3).weights.shape[0]",
        "out_features": "nn.Linear(4, 3).weights.shape[1]",
        "gamma": "nn.LayerNorm(4).gain",
        "beta": "nn.LayerNorm(4).bias",
        "running_mean": "nn.BatchNorm(4).mean",
        "running_var moving_variance": "nn.BatchNorm(4).variance",
        "save save_weights": "nn.save(path, model)",
        "load load_weights": "nn.load(path, model)",
        "num_params count_params num_parameters n_params": "model.count_parameters()",
        "add append extend insert pop": "All layers are given at once: `nn.Sequential(*layers, nn.Linear(4, 3))`.",
        "call": "Name it `forward`: `class Net(nn.Module): ...` with `def forward(self, x)`.",
        "build": "Leave it out: each layer is given its sizes, as in `nn.Linear(4, 3)`.",
        "get_layer get_submodule get_parameter": "dict(model.named_parts())['0.weights']",
        "backward": "Write `loss.backward()`, of the loss.",
        "partial_fit": FIT,
        "init": "A model has its weights from the beginning: `nn.MLP([4, 5, 3], rng=0)`.",
        "reset_parameters initialize": (
            "Make a new model: `nn.MLP([4, 5, 3], rng=0)`; or `nn.changes.drawn(model, x, 'he')`."
        ),
        "get_config": "print(model)",
        "share_memory": PLACE,
        "compute_output_shape output_shape": "model(x).shape",
        "clone": "import copy; copy.deepcopy(model)",
        "training_step configure_optimizers": TRAINING,
        "eval_mode": "model.eval()",
        "train_mode": "model.train()",
    }
)

OPTIMIZER = Rows(
    {
        "param_groups": (
            "Write `optimizer.groups`, of which each is an optimizer: `optimizer.groups[0].learning_rate = 0.01`; "
            "different "
            "rates are those of `nn.Optimizers`."
        ),
        "lr": "Write `optimizer.learning_rate`, which may be assigned at any time.",
        "get_lr get_last_lr current_lr": "optimizer.rate",
        "set_lr": "optimizer.learning_rate = 0.01",
        "add_param_group": (
            "Write `nn.Optimizers`, which joins several: `nn.Optimizers(nn.SGD(model.parameters(), 0.1))`."
        ),
        "defaults": "optimizer.options",
        "apply_gradients apply": "optimizer.step()",
        "minimize": "Write `loss.backward()` and then `optimizer.step()`.",
        "iterations step_count": "optimizer.steps",
        "get_config": "optimizer.state_dict()",
        "get_weights": "optimizer.state_dict()",
        "param_list params": "optimizer.parameters",
        "backward": "Write `loss.backward()` and then `optimizer.step()`.",
        "zero_gradients zero_grads": "optimizer.zero_grad()",
        "register_step_post_hook": "A callback of `nn.fit` is called with the training: `on_step(run)`.",
    }
)

# Keywords. An answer that is names of parameters means the one of them that the call takes.

RENAMED = Rows(
    {
        "lr eta step_size alpha0": "learning_rate",
        "params var_list": "parameters",
        "wd l2 decay_rate": "weight_decay",
        "epsilon": "eps",
        "eps layer_norm_epsilon variance_epsilon": "epsilon",
        "alpha rho": "decay slope",
        "beta1 beta2 b1 b2 beta_1 beta_2": "betas",
        "in_features in_dim input_dim fan_in n_inputs n_in": "d_in count",
        "out_features out_dim output_dim fan_out n_outputs n_out output_size": "d_out units",
        "input_size": "d_in",
        "features num_hiddens hidden_size hidden_dim hidden_units num_features normalized_shape embedding_dim "
        "embed_dim "
        "d_model key_dim num_channels num_parameters": "units d_out",
        "units": "d_out out_channels",
        "filters": "out_channels",
        "kernel_size pool_size window_shape": "kernel",
        "strides": "stride",
        "dilation_rate": "dilation",
        "num_groups": "groups",
        "num_embeddings vocab_size": "count",
        "padding_idx mask_zero": "padding",
        "num_layers n_layers": "layers",
        "num_heads n_heads nhead": "heads",
        "proj_size": "projection",
        "p rate prob dropout_rate drop_prob keep_prob": "share dropout",
        "stddev sigma": "std",
        "negative_slope": "slope",
        "dim": "axis",
        "use_bias": "bias",
        "seed random_state key generator rngs": "rng",
        "kernel_initializer weight_init w_init initializer": "init",
        "hidden_layer_sizes layers nouts": "sizes",
        "activation nonlinearity act": "activation",
        "approximate": "exact",
        "weight class_weight weights": "class_weights",
        "from_logits": "",
        "input inputs y_pred pred logits outputs": "output scores logits log_probabilities x",
        "target y_true": "target targets labels",
        "num_classes": "names",
        "beta": "delta",
        "n_epochs max_epochs num_epochs nb_epoch max_iter": "epochs",
        "bs batchsize minibatch_size": "batch_size",
        "verbose progress_bar": "progress",
        "sample_weights": "sample_weight",
        "grad_clip clipnorm max_grad_norm gradient_clip_val clip clip_grad_norm": "clip_norm",
        "gradient_accumulation_steps accumulate_grad_batches grad_accum_steps": "accumulate",
        "jit": "compile",
        "validation_data val_data valid_data eval_set validation_set eval_dataset val_loader valid_loader": (
            "validation"
        ),
        "ckpt_path checkpoint_path filepath filename": "checkpoint path",
        "criterion loss_fn objective": "loss",
        "collate_fn": "collate",
        "workers num_workers prefetch_factor": "prefetch",
        "restore_best_weights": "restore",
        "threshold": "min_delta",
        "min_lr": "min_rate",
        "mode": "training",
        "max_length maxlen": "steps",
        "padding_value": "fill",
        "metric": "metrics",
    }
)
FITS = Rows(
    {
        "": "It is called as `nn.fit(model, nn.cross_entropy, (x, y))`: the data is one argument.",
        "learning_rate lr": "Give it to the optimizer: `optimizer=nn.Adam(model.parameters(), learning_rate=1e-3)`.",
        "weight_decay momentum": "Give it to the optimizer: `optimizer=nn.SGD(model.parameters(), 0.1, momentum=0.9)`.",
        "verbose progress_bar": "Write `progress=False` for no bar.",
        "validation_split": (
            "Split the arrays: `nn.fit(model, nn.cross_entropy, (x[:6], y[:6]), validation=(x[6:], y[6:]))`."
        ),
        "shuffle": "Leave it out: arrays are shuffled; a loader does as it says, `nn.DataLoader(x, y, shuffle=False)`.",
        "x X inputs features y Y targets labels train_data dataset train_loader dataloader train_dataloader "
        "training_data": (
            "The data comes third: `nn.fit(model, nn.cross_entropy, (x, y))`, or a loader, `nn.DataLoader(x, y)`."
        ),
        "steps_per_epoch": "A loader decides it: `nn.DataLoader(x, y, batch_size=4)`.",
        "initial_epoch": "Write `nn.fit(..., checkpoint='run.safetensors', resume=True)`.",
        "class_weight": "Give it to the loss: `lambda s, y: nn.cross_entropy(s, y, class_weights=[1.0, 2.0, 1.0])`.",
        "early_stopping patience": "Write `callbacks=[nn.EarlyStopping(patience=5)]`.",
        "scheduler lr_scheduler schedule": (
            "It takes the place of the rate: `nn.Adam(model.parameters(), nn.schedules.cosine(1e-3, steps=100))`."
        ),
        "device workers num_workers use_multiprocessing max_queue_size accelerator precision": PLACE,
        "seed random_state": "Write `rng=0`.",
        "logger": "Write `callbacks=[print]`; what `nn.fit` returns has each epoch's numbers.",
    }
)
LAYERS = Rows(
    {
        "inplace": INPLACE,
        "device": PLACE,
        "batch_first": "Leave it out: inputs are (examples, steps, features).",
        "return_sequences return_state": "Leave it out: the layer returns all steps and the last state.",
        "input_shape": "Leave it out: the layer is given its sizes, as in `nn.Linear(4, 3)`.",
        "activation": "Write the activation as a layer after it: `nn.Sequential(nn.Linear(4, 3), nn.ReLU())`.",
        "affine elementwise_affine track_running_stats center scale": (
            "Leave it out: there is always a gain and a bias."
        ),
        "padding_mode data_format ceil_mode count_include_pad": (
            "Leave it out: images are (examples, channels, height, width), padded with 0."
        ),
        "output_padding": "It belongs to `nn.ConvTranspose2d(3, 8, 3)`.",
        "kernel_regularizer bias_regularizer": (
            "Write `weight_decay=` of an optimizer: `nn.Adam(model.parameters(), weight_decay=1e-4)`."
        ),
        "name": "A layer is called by its place in the model: print it.",
        "trainable": "Write `layer.freeze()` after it is made, as in `nn.Linear(4, 3).freeze()`.",
        "bidirectional": "It belongs to the layer over all steps: `nn.LSTM(4, 8, bidirectional=True)`.",
        "max_norm sparse scale_grad_by_freq": "Leave it out: rows of a table learn as all parameters do.",
    }
)
OPTIMIZERS = Rows(
    {
        "foreach fused capturable differentiable": "Leave it out: small parameters are updated together as it is.",
        "clipnorm clipvalue": (
            "Write `nn.fit(..., clip_norm=1.0)`, or `nn.clip_norm(model.parameters(), 1.0)` before each step."
        ),
        "schedule": (
            "It takes the place of the rate: `nn.SGD(model.parameters(), nn.schedules.cosine(0.1, steps=100))`."
        ),
    }
)
LOSSES = Rows(
    {
        "from_logits": "Leave it out: losses take scores, before any softmax or sigmoid.",
        "size_average reduce": "Write `reduction='mean'`, `reduction='sum'` or `reduction='none'`.",
        "pos_weight": "Write `sample_weight=` of `nn.fit`, or the product with `reduction='none'`.",
        "sample_weight": "Write `nn.fit(..., sample_weight=weights)`, which weighs any loss.",
    }
)
FUNCTIONS = Rows(
    {
        "set_to_none": "Leave it out: a gradient that is cleared is None.",
        "requires_grad": "What is not learned is a buffer, `nn.Buffer(np.ones(3))`; `model.freeze()` stops parameters.",
        "weights_only map_location strict pickle_module": "Leave it out: a file holds arrays alone, and they must fit.",
    }
)
LOADERS = Rows(
    {
        "dataset": "It comes first, without a name: `nn.DataLoader(dataset)`, or arrays, `nn.DataLoader(x, y)`.",
        "pin_memory persistent_workers multiprocessing_context": (
            "Leave it out: `prefetch=2` makes batches ahead in a thread."
        ),
        "sampler batch_sampler": "The dataset may have an order of its own: `nn.DataLoader(x[y == 0], y[y == 0])`.",
    }
)

# How they answer

CLOSURE = (
    "Write what the closure does before it, `loss.backward()` and then `optimizer.step()`; what asks for the loss "
    "again and again in one step, as L-BFGS does, is `nn.minimize`."
)

CALLS: dict[str, Rows] = {
    "fit": FITS,
    "layer": LAYERS,
    "optimizer": OPTIMIZERS,
    "loss": LOSSES,
    "loader": LOADERS,
    "function": FUNCTIONS,
    "evaluate": Rows(FITS | {"": "It is called as `nn.evaluate(model, nn.cross_entropy, (x, y))`: the data is one."}),
    "predict": Rows(FITS | {"": "It is called as `nn.predict(model, x)`."}),
}


def explains(kind: str) -> Callable[[Function], Function]:
    """A decorator for functions, and for what makes objects: unknown keywords are answered by the table of their "
    "kind."""
    return lambda function: elsewhere.explains(function, CALLS[kind], RENAMED)


def explain(error: TypeError, kind: str, function: Any, given: Collection[str]) -> None:
    """Say in an error of a call that its arguments do not fit what to write."""
    elsewhere.explain(error, function, given, CALLS[kind], RENAMED)


def families(public: Collection[str]) -> dict[str, types.ModuleType]:
    """The modules that are none here, such as `nn.functional`: each name that is looked up in one is answered."""
    return {name: family(name, Rows(NN | rows), public) for name, rows in FAMILIES.items()}


def family(name: str, rows: Rows, public: Collection[str]) -> types.ModuleType:
    """A module without names; those that are `public` are in `nn` itself."""
    module = types.ModuleType(f"nn.{name}", f"There is no `nn.{name}`: what is in it elsewhere is in `nn` itself.")

    def missing(wanted: str) -> Any:
        told = Rows({wanted: f"nn.{wanted}"}) if wanted in public else rows
        raise elsewhere.missing(module.__name__, wanted, told, public)

    vars(module).update(__getattr__=missing, __dir__=list)
    return module
