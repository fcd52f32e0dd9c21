"""Small PyTorch modules of the kinds that people have: by name, how to make one and a batch for it."""

import torch
from torch import nn
from torch.nn import functional as F


class Activations(nn.Module):
    functions = (F.relu, torch.tanh, F.gelu, F.elu, F.silu, F.leaky_relu, F.softplus, torch.sigmoid)

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(4, 4) for _ in self.functions)

    def forward(self, x):
        for layer, function in zip(self.layers, self.functions, strict=True):
            x = x + function(layer(x))
        return F.log_softmax(F.selu(x), -1)


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(3, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4)
        self.conv2, self.norm2 = nn.Conv2d(4, 6, 3, stride=2, padding=1), nn.BatchNorm2d(6)
        self.shortcut, self.relu = nn.Conv2d(4, 6, 1, stride=2), nn.ReLU(inplace=True)
        self.head = nn.Linear(6, 3)

    def forward(self, x):
        x = self.relu(self.norm1(self.conv1(x)))
        y = self.norm2(self.conv2(x))
        y += self.shortcut(x)
        return self.head(F.adaptive_avg_pool2d(self.relu(y), 1).flatten(1))


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(8, 2, 12, dropout=0.0, batch_first=True)
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        return self.head(self.layer(x).mean(1))


class Causal(nn.Module):
    """A language model whose last layer has the weights of its first."""

    def __init__(self):
        super().__init__()
        self.embedding, self.positions = nn.Embedding(11, 8), nn.Parameter(torch.randn(1, 5, 8) / 10)
        self.layer = nn.TransformerEncoderLayer(8, 2, 12, dropout=0.0, batch_first=True, norm_first=True)
        self.head = nn.Linear(8, 11, bias=False)
        self.head.weight = self.embedding.weight
        self.register_buffer("mask", torch.triu(torch.full((5, 5), -torch.inf), 1), persistent=False)

    def forward(self, letters):
        x = self.embedding(letters) * 8**-0.5 + self.positions
        return self.head(self.layer(x, src_mask=self.mask, is_causal=True))


class Bag(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.head = nn.Embedding(9, 5, padding_idx=0), nn.Linear(5, 2)

    def forward(self, words):
        return self.head(self.embedding(words).amax(1))


class Recurrent(nn.Module):
    def __init__(self, kind, **options):
        super().__init__()
        self.layer = kind(4, 5, batch_first=True, **options)
        self.head = nn.Linear(10 if self.layer.bidirectional else 5, 2)

    def forward(self, x):
        return self.head(self.layer(x)[0].mean(1))


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.down, self.deep = self.block(2, 4), self.block(4, 6)
        self.pool, self.up = nn.MaxPool2d(2), nn.ConvTranspose2d(6, 4, 2, stride=2)
        self.join, self.out = self.block(8, 4), nn.Conv2d(4, 1, 1)

    @staticmethod
    def block(channels, out):
        return nn.Sequential(nn.Conv2d(channels, out, 3, padding=1), nn.BatchNorm2d(out), nn.ReLU(inplace=True))

    def forward(self, x):
        x = self.down(x)
        return self.out(self.join(torch.cat([x, self.up(self.deep(self.pool(x)))], 1)))


class VisionTransformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.patches, self.token = nn.Conv2d(3, 8, 4, stride=4), nn.Parameter(torch.randn(1, 1, 8))
        self.norm, self.qkv, self.out = nn.LayerNorm(8), nn.Linear(8, 24), nn.Linear(8, 8)
        self.mlp = nn.Sequential(nn.LayerNorm(8), nn.Linear(8, 12), nn.GELU(), nn.Linear(12, 8))
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        n = x.shape[0]
        x = torch.cat([self.token.expand(n, -1, -1), x], 1)
        q, k, v = self.qkv(self.norm(x)).reshape(n, -1, 3, 2, 4).permute(2, 0, 3, 1, 4).unbind(0)
        shares = (q @ k.transpose(-2, -1) / 2).softmax(-1)
        x = x + self.out((shares @ v).transpose(1, 2).reshape(n, -1, 8))
        return self.head((x + self.mlp(x))[:, 0])


class Resized(nn.Module):
    def __init__(self):
        super().__init__()
        self.up = nn.ConvTranspose2d(2, 3, 3, stride=2, padding=1, output_padding=1)
        self.out = nn.Conv2d(3, 2, 3)

    def forward(self, x):
        x = F.interpolate(self.up(x), scale_factor=2, mode="bilinear")
        return self.out(F.interpolate(x, size=(9, 7)))


class WrittenInto(nn.Module):
    """It writes into views of what it computed."""

    def __init__(self):
        super().__init__()
        self.linear, self.norm = nn.Linear(4, 4), nn.BatchNorm1d(4)

    def forward(self, x):
        y = self.norm(self.linear(x))
        y[:, 0] += 1.0
        y[:, 1:3] *= 2.0
        return y


def mlp():
    layers = nn.Linear(5, 6), nn.PReLU(), nn.LayerNorm(6), nn.Linear(6, 6), nn.PReLU(6), nn.Linear(6, 2)
    return nn.Sequential(*layers)


def convnet():
    first = nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2)
    second = nn.Conv2d(6, 4, 3, groups=2), nn.ReLU(inplace=True), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(4, 3)
    return nn.Sequential(*first, *second)


def deep():
    first = nn.Conv3d(2, 4, 3, padding=1, stride=(1, 2, 1)), nn.GroupNorm(2, 4), nn.ELU(), nn.MaxPool3d(2)
    return nn.Sequential(*first, nn.ConvTranspose3d(4, 2, 2, stride=2), nn.AvgPool3d(2))


MODULES = {
    "mlp": (mlp, (4, 5)),
    "activations": (Activations, (4, 4)),
    "convnet": (convnet, (4, 3, 8, 8)),
    "deep": (deep, (3, 2, 4, 6, 4)),
    "resized": (Resized, (3, 2, 4, 5)),
    "residual": (Residual, (4, 3, 6, 6)),
    "encoder": (Encoder, (3, 4, 8)),
    "causal": (Causal, (3, 5)),
    "bag": (Bag, (3, 6)),
    "gru": (lambda: Recurrent(nn.GRU), (3, 4, 4)),
    "both_ways": (lambda: Recurrent(nn.GRU, bidirectional=True), (3, 3, 4)),
    "lstm": (lambda: Recurrent(nn.LSTM, proj_size=0), (3, 4, 4)),
    "rnn": (lambda: Recurrent(nn.RNN, num_layers=2), (3, 4, 4)),
    "unet": (UNet, (3, 2, 8, 8)),
    "vision_transformer": (VisionTransformer, (3, 3, 8, 8)),
    "written_into": (WrittenInto, (5, 4)),
}


def made(name):
    """A module with weights of a seed, and a batch."""
    make, shape = MODULES[name]
    generator = torch.Generator().manual_seed(0)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = make()
    if name in {"causal", "bag"}:
        return module, torch.randint(0, 9, shape, generator=generator)
    return module, torch.randn(shape, generator=generator)
