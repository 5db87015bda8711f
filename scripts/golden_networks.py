"""The networks of sdk/include/gan/networks.h in PyTorch, for the make-golden scripts: their state_dicts have the names
of ganhost's checkpoints. Images are N, C, H, W here."""
import torch
from torch import nn
from torch.nn import functional


def perceptron(widths, hidden, last=None, dropout=None):
    layers = []
    for i, (fan_in, out) in enumerate(zip(widths, widths[1:])):
        layers += [nn.Linear(fan_in, out)] + ([hidden, dropout] if i + 2 < len(widths) else [])
    return nn.Sequential(*(layer for layer in [*layers, last] if layer))


class Dropout(nn.Module):
    """With ganhost's masks: `draws` is a golden_steps.Draws."""
    def __init__(self, draws, p):
        super().__init__()
        self.draws, self.p = draws, p

    def forward(self, x):
        return self.draws.dropout(x, self.p) if self.training else x


# ---- spectral normalization and labels ----

def normalized(module):
    """sigma = uᵀ W v by the u and v that `spectral_norm_step` follows up; derivatives take them as constant. W is a
    matrix of one row per output."""
    def unit(n):
        values = torch.randn(n, generator=torch.Generator().manual_seed(n)).double()
        return (values / values.norm()).float().double()

    rows, rest = len(module.weight), module.weight[0].numel()
    module.register_buffer("weight_u", unit(rows))
    module.register_buffer("weight_v", unit(rest).reshape(1, *module.weight.shape[1:]))
    return module


def weight_of(module):
    if not hasattr(module, "weight_u"):
        return module.weight
    u, v = module.weight_u.clone(), module.weight_v.flatten().clone()
    return module.weight / (u @ module.weight.flatten(1) @ v)


def spectral_norm_step(network):
    with torch.no_grad():
        for module in network.modules():
            if hasattr(module, "weight_u"):
                matrix = module.weight.flatten(1)
                v = functional.normalize(matrix.T @ module.weight_u, dim=0)
                module.weight_u.copy_(functional.normalize(matrix @ v, dim=0))
                module.weight_v.copy_(v.reshape(module.weight_v.shape))


class Linear(nn.Linear):
    def forward(self, x):
        return functional.linear(x, weight_of(self), self.bias)


class Conv2d(nn.Conv2d):
    def forward(self, x):
        return functional.conv2d(x, weight_of(self), self.bias, self.stride, self.padding)


class ConditionalBatchNorm(nn.BatchNorm2d):
    labels = None

    def __init__(self, channels, classes):
        super().__init__(channels)
        self.weight, self.bias = (nn.Parameter(torch.empty(classes, channels)) for _ in range(2))

    def forward(self, x):
        x = functional.batch_norm(x, self.running_mean, self.running_var, training=self.training)
        return x * self.weight[self.labels][:, :, None, None] + self.bias[self.labels][:, :, None, None]


class Projection(nn.Module):
    labels = None

    def __init__(self, features, classes):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(classes, features))

    def forward(self, x):
        return (x * weight_of(self)[self.labels]).sum(1, keepdim=True)


class JoinLabel(nn.Module):
    """x, and behind it the vector of its label."""
    labels = None

    def __init__(self, classes, width):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(classes, width))

    def forward(self, x):
        return torch.cat([x.flatten(1), self.weight[self.labels]], 1)


def given(network, labels):
    """The network, for samples of these labels."""
    for module in network.modules():
        if hasattr(module, "labels"):
            module.labels = labels
    return network


def given_each(network, x, labels):
    """A Sequential of x for each of several sets of labels; what comes before the first layer that looks at them runs
    once."""
    layers, shared = list(network), 0
    while not any(hasattr(module, "labels") for module in layers[shared].modules()):
        x, shared = layers[shared](x), shared + 1
    return [given(nn.Sequential(*layers[shared:]), each)(x) for each in labels]


# ---- layers ----

class Sum(nn.Sequential):
    def forward(self, x):
        return sum(part(x) for part in self)


class Pool(nn.Module):
    def __init__(self, mean):
        super().__init__()
        self.mean = mean

    def forward(self, x):
        return x.mean((2, 3)) if self.mean else x.sum((2, 3))


class Reshape(nn.Module):
    """To height, width, channels, as in ganhost's memory."""
    def __init__(self, *shape):
        super().__init__()
        self.shape = shape

    def forward(self, x):
        return x.reshape(-1, *self.shape).permute(0, 3, 1, 2)


class LayerNorm(nn.LayerNorm):
    """Its weight and bias are [height, width, channels]."""
    def forward(self, x):
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def batch_norm(channels, classes):
    return ConditionalBatchNorm(channels, classes) if classes else nn.BatchNorm2d(channels)


# ---- DCGAN ----

def dcgan_generator(side, channels, width, latent, classes=0):
    layers, into, out, size = [Reshape(1, 1, latent)], latent, width * side // 8, 4
    while size < side:
        stride, pad = (1, 0) if size == 4 else (2, 1)
        layers += [nn.ConvTranspose2d(into, out, 4, stride, pad, bias=False), batch_norm(out, classes), nn.ReLU()]
        into, out, size = out, out // 2, size * 2
    return nn.Sequential(*layers, nn.ConvTranspose2d(into, channels, 4, 2, 1, bias=False), nn.Tanh())


def dcgan_discriminator(side, channels, width, norm=None, spectral=False, classes=0):
    spectrally = normalized if spectral else lambda module: module
    layers, into, out = [], channels, width
    while (side := side // 2) >= 4:
        norms = norm if layers else None
        layers.append(spectrally(Conv2d(into, out, 4, 2, 1, bias=not norms and norm != "batch")))
        layers += {None: [], "layer": [LayerNorm((side, side, out))], "batch": [nn.BatchNorm2d(out)]}[norms]
        layers.append(nn.LeakyReLU(0.2))
        into, out = out, 2 * out
    score = [spectrally(Conv2d(into, 1, 4, bias=norm != "batch")), nn.Flatten()]
    if not classes:
        return nn.Sequential(*layers, *score)
    match = nn.Sequential(Pool(mean=False), spectrally(Projection(into, classes)))
    return nn.Sequential(*layers, Sum(nn.Sequential(*score), match))


# ---- residual networks ----

def resnet_generator(side, channels, width, latent, classes=0):
    flat = side == 32
    into = width if flat else width * side // 4
    layers, size = [nn.Linear(latent, 16 * into), Reshape(4, 4, into)], 4
    while size < side:
        out = into if flat else into // 2
        main = nn.Sequential(batch_norm(into, classes), nn.ReLU(), nn.Upsample(scale_factor=2),
                             nn.Conv2d(into, out, 3, padding=1, bias=False), batch_norm(out, classes), nn.ReLU(),
                             nn.Conv2d(out, out, 3, padding=1, bias=False))
        shortcut = nn.Sequential(nn.Conv2d(into, out, 1, bias=False), nn.Upsample(scale_factor=2))
        layers.append(Sum(main, shortcut))
        into, size = out, size * 2
    return nn.Sequential(*layers, nn.BatchNorm2d(into), nn.ReLU(), nn.Conv2d(into, channels, 3, padding=1), nn.Tanh())


def resnet_discriminator(side, channels, width, mean_pool=False, spectral=False, classes=0):
    spectrally = normalized if spectral else lambda module: module

    def block(into, out, first=False, down=True):
        hidden = out if first else into
        main = [] if first else [nn.ReLU()]
        main += [spectrally(Conv2d(into, hidden, 3, padding=1)), nn.ReLU(),
                 spectrally(Conv2d(hidden, out, 3, padding=1))]
        shortcut = []
        if down:
            main.append(nn.AvgPool2d(2))
            shortcut.append(nn.AvgPool2d(2))
        if down or into != out:
            shortcut.append(spectrally(Conv2d(into, out, 1)))
        return Sum(nn.Sequential(*main), nn.Sequential(*shortcut))

    layers = [block(channels, width, first=True)]
    if side == 32:
        layers += [block(width, width), block(width, width, down=False), block(width, width, down=False)]
    else:
        while (side := side // 2) > 2:
            layers.append(block(width, 2 * width))
            width *= 2
    layers += [nn.ReLU(), Pool(mean_pool)]
    head = [spectrally(Linear(width, 1))]
    if classes:
        head = [Sum(*head, spectrally(Projection(width, classes)))]
    return nn.Sequential(*layers, *head)
