"""Networks of torch_programs.py: those of the plugins, as sdk/include/gan/networks.h describes them."""
import torch
import torch.nn as nn
import torch.nn.functional as F


# ---- conditional layers ----

class ConditionalBatchNorm(nn.Module):
    """A scale and a shift for each class (de Vries et al. 2017)."""

    def __init__(self, classes, width):
        super().__init__()
        self.norm = nn.BatchNorm2d(width, affine=False)
        self.scale, self.shift = nn.Embedding(classes, width), nn.Embedding(classes, width)
        nn.init.ones_(self.scale.weight)
        nn.init.zeros_(self.shift.weight)

    def forward(self, x, labels):
        x = self.norm(x)
        scale, shift = (table(labels).to(x.dtype)[:, :, None, None] for table in (self.scale, self.shift))
        return torch.addcmul(shift, x, scale)


class Given(nn.Sequential):
    """Layers in turn, those that take labels with them."""

    def forward(self, x, labels=None):
        for layer in self:
            takes = isinstance(layer, (ConditionalBatchNorm, Given, Block))
            x = layer(x, labels) if takes else layer(x)
        return x


def generator_norm(width, classes):
    return ConditionalBatchNorm(classes, width) if classes else nn.BatchNorm2d(width)


class ProjectionDiscriminator(nn.Module):
    """Scores of the features, plus their inner product with a vector of the class (Miyato & Koyama 2018): for each of the
    `labels` that the images are to be matched with."""

    def __init__(self, features, score, vectors):
        super().__init__()
        self.features, self.score, self.vectors = features, score, vectors

    def forward(self, x, *labels):
        x = self.features(x)
        realness, pooled = self.score(x), x.sum((2, 3))
        return [realness + (pooled * self.vectors(given)).sum(1, keepdim=True) for given in labels]


# ---- spectral normalization ----

class SpectralNorm(nn.Module):
    """A convolution or linear layer with weight / sigma, sigma = u W v in f32. `step` does one power iteration; called
    once per training step, where torch's own spectral_norm does one in every forward pass."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer
        self.register_buffer("u", F.normalize(torch.randn(layer.weight.shape[0]), dim=0))
        self.register_buffer("v", F.normalize(torch.randn(layer.weight[0].numel()), dim=0))

    def matrix(self):
        weight = self.layer.weight
        if weight.dim() == 4 and weight.is_contiguous(memory_format=torch.channels_last):
            weight = weight.permute(0, 2, 3, 1)  # a view; v's order is its own
        return weight.flatten(1)

    @torch.no_grad()
    def step(self):
        matrix = self.matrix()
        self.v.copy_(F.normalize(torch.mv(matrix.t(), self.u), dim=0))
        self.u.copy_(F.normalize(torch.mv(matrix, self.v), dim=0))

    def forward(self, x):
        layer = self.layer
        with torch.autocast(x.device.type, enabled=False):
            weight = layer.weight / torch.dot(self.u, torch.mv(self.matrix(), self.v))
        if isinstance(layer, nn.Linear):
            return F.linear(x, weight, layer.bias)
        return F.conv2d(x, weight, layer.bias, layer.stride, layer.padding)


def spectral_norm_of(literal):
    return torch.nn.utils.parametrizations.spectral_norm if literal else SpectralNorm


def power_iterations(network):
    for module in network.modules():
        if isinstance(module, SpectralNorm):
            module.step()


# ---- multi-layer perceptrons ----

def mlp(widths, activation, dropout=0.0):
    layers = []
    for inputs, outputs in zip(widths[:-2], widths[1:-1]):
        layers += [nn.Linear(inputs, outputs), activation()] + ([nn.Dropout(dropout)] if dropout else [])
    return nn.Sequential(*layers, nn.Linear(widths[-2], widths[-1]))


class Joined(nn.Module):
    """A network of the input and a vector of the class, side by side."""

    def __init__(self, classes, width, network):
        super().__init__()
        self.vectors, self.network = nn.Embedding(classes, width), network

    def forward(self, x, labels):
        return self.network(torch.cat([x, self.vectors(labels).to(x.dtype)], 1))


# ---- DCGAN ----

def dcgan_init(module):
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d) and module.affine:
        nn.init.normal_(module.weight, 1.0, 0.02)


def dcgan_generator(resolution, channels, width, latent, classes=0):
    layers, inputs, outputs = [nn.Unflatten(1, (latent, 1, 1))], latent, width * resolution // 8
    while outputs >= width:
        first = inputs == latent and len(layers) == 1
        layers += [nn.ConvTranspose2d(inputs, outputs, 4, 1 if first else 2, 0 if first else 1, bias=False),
                   generator_norm(outputs, classes), nn.ReLU(True)]
        inputs, outputs = outputs, outputs // 2
    return Given(*layers, nn.ConvTranspose2d(inputs, channels, 4, 2, 1, bias=False), nn.Tanh()).apply(dcgan_init)


def dcgan_discriminator(resolution, channels, width, batch_norm, classes=0):
    layers, inputs, outputs, side = [], channels, width, resolution // 2
    while side >= 4:
        layers.append(nn.Conv2d(inputs, outputs, 4, 2, 1, bias=not batch_norm))
        if batch_norm and len(layers) > 1:
            layers.append(nn.BatchNorm2d(outputs))
        layers.append(nn.LeakyReLU(0.2, True))
        inputs, outputs, side = outputs, 2 * outputs, side // 2
    score = nn.Sequential(nn.Conv2d(inputs, 1, 4, 1, 0, bias=not batch_norm), nn.Flatten())
    if classes:
        vectors = nn.Embedding(classes, inputs)
        nn.init.normal_(vectors.weight, 0.0, 0.02)
        return ProjectionDiscriminator(nn.Sequential(*layers), score, vectors).apply(dcgan_init)
    return nn.Sequential(*layers, score).apply(dcgan_init)


# ---- the residual networks of Miyato et al. 2018 and Gulrajani et al. 2017 at 32x32 ----

class SumPool(nn.Module):
    def forward(self, x):
        return x.sum((2, 3))


class MeanPool(nn.Module):
    def forward(self, x):
        return x.mean((2, 3))


class Block(nn.Module):
    def __init__(self, main, shortcut):
        super().__init__()
        self.main, self.shortcut = main, shortcut

    def forward(self, x, labels=None):
        return self.main(x, labels) + self.shortcut(x)


def conv3(inputs, outputs, residual=True):
    layer = nn.Conv2d(inputs, outputs, 3, 1, 1)
    nn.init.xavier_uniform_(layer.weight, 2 ** 0.5 if residual else 1.0)
    nn.init.zeros_(layer.bias)
    return layer


def conv1(inputs, outputs):
    layer = nn.Conv2d(inputs, outputs, 1)
    nn.init.xavier_uniform_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def block_up(width, classes):
    main = Given(generator_norm(width, classes), nn.ReLU(True), nn.Upsample(scale_factor=2), conv3(width, width),
                 generator_norm(width, classes), nn.ReLU(True), conv3(width, width))
    return Block(main, nn.Sequential(conv1(width, width), nn.Upsample(scale_factor=2)))


def block_down(inputs, outputs, down, norm, first=False):
    """The first ReLU is not in place: the shortcut takes the same input."""
    main = [] if first else [nn.ReLU()]
    main += [norm(conv3(inputs, outputs)), nn.ReLU(True), norm(conv3(outputs, outputs))]
    shortcut = []
    if down:
        main.append(nn.AvgPool2d(2))
        shortcut.append(nn.AvgPool2d(2))
    if down or inputs != outputs:
        shortcut.append(norm(conv1(inputs, outputs)))
    return Block(Given(*main), nn.Sequential(*shortcut))


def resnet_generator(channels, width, latent, classes=0):
    return Given(nn.Linear(latent, 16 * width), nn.Unflatten(1, (width, 4, 4)),
                 *(block_up(width, classes) for _ in range(3)), nn.BatchNorm2d(width), nn.ReLU(True),
                 conv3(width, channels, residual=False), nn.Tanh())


def resnet_discriminator(channels, width, norm=lambda layer: layer, mean_pool=False):
    return Given(block_down(channels, width, True, norm, first=True), block_down(width, width, True, norm),
                 block_down(width, width, False, norm), block_down(width, width, False, norm), nn.ReLU(True),
                 MeanPool() if mean_pool else SumPool(), norm(nn.Linear(width, 1)))


# ---- CycleGAN: no biases where instance norm takes them away again ----

def paper_init(module):
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(module.weight, 0.0, 0.02)


class Residual(nn.Module):
    def __init__(self, width):
        super().__init__()
        layers = []
        for _ in range(2):
            layers += [nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3, bias=False), nn.InstanceNorm2d(width), nn.ReLU(True)]
        self.block = nn.Sequential(*layers[:-1])

    def forward(self, x):
        return x + self.block(x)


def cyclegan_generator(channels, blocks):
    layers = [nn.ReflectionPad2d(3), nn.Conv2d(channels, 64, 7, bias=False), nn.InstanceNorm2d(64), nn.ReLU(True)]
    for width in (64, 128):
        layers += [nn.Conv2d(width, 2 * width, 3, 2, 1, bias=False), nn.InstanceNorm2d(2 * width), nn.ReLU(True)]
    layers += [Residual(256) for _ in range(blocks)]
    for width in (256, 128):
        layers += [nn.ConvTranspose2d(width, width // 2, 3, 2, 1, 1, bias=False), nn.InstanceNorm2d(width // 2), nn.ReLU(True)]
    return nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(64, channels, 7), nn.Tanh()).apply(paper_init)


def patch_discriminator(channels):
    """A map of scores."""
    layers = [nn.Conv2d(channels, 64, 4, 2, 1), nn.LeakyReLU(0.2, True)]
    for inputs, outputs, stride in [(64, 128, 2), (128, 256, 2), (256, 512, 1)]:
        layers += [nn.Conv2d(inputs, outputs, 4, stride, 1, bias=False), nn.InstanceNorm2d(outputs), nn.LeakyReLU(0.2, True)]
    return nn.Sequential(*layers, nn.Conv2d(512, 1, 4, 1, 1)).apply(paper_init)
