"""StyleGAN2 in PyTorch, for torch_programs.py: skip generator and residual discriminator, as plugins/stylegan2 has them.

Written to be fast on the CPU: a modulated convolution scales its input and its result, so that a batch is one convolution;
filters are depthwise convolutions with the stride of the resampling.
"""
import math

import torch
import torch.nn as nn
import torch.nn.functional as F

SQRT_HALF = math.sqrt(0.5)


def taps(channels, gain=1.0):
    row = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
    return (gain * torch.outer(row, row)).expand(channels, 1, 4, 4).contiguous()


class Filter(nn.Module):
    """[1, 3, 3, 1] on both axes."""

    def __init__(self, channels, up=1, down=1, pad=(1, 1), gain=1.0):
        super().__init__()
        self.register_buffer("taps", taps(channels, gain))
        self.up, self.down, self.pad = up, down, pad

    def forward(self, x):
        weight, groups = self.taps.to(x.dtype), x.shape[1]
        if self.up > 1:
            return F.conv_transpose2d(x, weight, stride=self.up, padding=1, groups=groups)
        before, after = self.pad
        if before != after:
            x, before = F.pad(x, (before, after, before, after)), 0
        return F.conv2d(x, weight, stride=self.down, padding=before, groups=groups)


def enlarge(channels):
    return Filter(channels, up=2, gain=4.0)


def leaky(x, gain=math.sqrt(2)):
    return F.leaky_relu(x, 0.2) * gain


class Dense(nn.Module):
    def __init__(self, inputs, outputs, lr_multiplier=1.0, bias=0.0):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / lr_multiplier)
        self.bias = nn.Parameter(torch.full((outputs,), bias))
        self.scale, self.lr_multiplier = lr_multiplier / math.sqrt(inputs), lr_multiplier

    def forward(self, x):
        return F.linear(x, self.weight * self.scale, self.bias * self.lr_multiplier)


class Conv(nn.Conv2d):
    """Gains behind the activation are brought into weight and bias: g LeakyReLU(x) = LeakyReLU(g x)."""

    def __init__(self, inputs, outputs, kernel, gain=1.0, **options):
        super().__init__(inputs, outputs, kernel, **options)
        nn.init.normal_(self.weight)
        if self.bias is not None:
            nn.init.zeros_(self.bias)
        self.scale, self.gain = gain / math.sqrt(inputs * kernel * kernel), gain

    def forward(self, x):
        bias = None if self.bias is None else self.bias * self.gain
        return F.conv2d(x, self.weight * self.scale, bias, self.stride, self.padding)


class StyledConv(nn.Module):
    def __init__(self, inputs, outputs, width, up=False, rgb=False):
        super().__init__()
        kernel = 1 if rgb else 3
        shape = (inputs, outputs) if up else (outputs, inputs)
        self.weight = nn.Parameter(torch.randn(*shape, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.affine = Dense(width, inputs, bias=1.0)
        self.scale, self.rgb = 1 / math.sqrt(inputs * kernel * kernel), rgb
        self.blur = Filter(outputs, gain=4.0) if up else None
        if not rgb:
            self.noise_strength = nn.Parameter(torch.zeros(()))

    def demodulation(self, style):
        squares = self.weight.square().sum((2, 3))
        return torch.rsqrt(style.square() @ (squares if self.blur else squares.T) + 1e-8)

    def forward(self, x, w):
        style = self.affine(w).float() * self.scale
        x = x * style.to(x.dtype)[:, :, None, None]
        if self.rgb:
            return F.conv2d(x, self.weight, self.bias)
        if self.blur:
            y = self.blur(F.conv_transpose2d(x, self.weight, stride=2))
        else:
            y = F.conv2d(x, self.weight, padding=1)
        y = y * self.demodulation(style).to(y.dtype)[:, :, None, None]
        noise = torch.randn(len(y), 1, *y.shape[2:], device=y.device) * self.noise_strength
        return leaky(y + noise.to(y.dtype) + self.bias.to(y.dtype)[:, None, None])


def sides(last):
    side = 4
    while side <= last:
        yield side
        side *= 2


class Mapping(nn.Module):
    def __init__(self, latent, width, layers):
        super().__init__()
        self.layers = nn.ModuleList(Dense(width if i else latent, width, 0.01) for i in range(layers))

    def forward(self, z):
        x = z * torch.rsqrt(z.square().mean(1, keepdim=True) + 1e-8)
        for layer in self.layers:
            x = leaky(layer(x))
        return x


class Synthesis(nn.Module):
    def __init__(self, resolution, channels, features, width):
        super().__init__()
        self.const = nn.Parameter(torch.randn(1, features(4), 4, 4))
        self.convs, self.images = nn.ModuleList(), nn.ModuleList()
        for side in sides(resolution):
            if side > 4:
                self.convs.append(StyledConv(features(side // 2), features(side), width, up=True))
            self.convs.append(StyledConv(features(side), features(side), width))
            self.images.append(StyledConv(features(side), channels, width, rgb=True))
        self.enlarge = enlarge(channels)
        self.n_layers = len(self.convs) + 1

    def forward(self, w):
        x = self.convs[0](self.const.expand(len(w), -1, -1, -1), w[:, 0])
        image = self.images[0](x, w[:, 1])
        for i in range(1, len(self.images)):
            x = self.convs[2 * i](self.convs[2 * i - 1](x, w[:, 2 * i - 1]), w[:, 2 * i])
            image = self.enlarge(image) + self.images[i](x, w[:, 2 * i + 1])
        return image


class Generator(nn.Module):
    def __init__(self, mapping, synthesis, mixing=0.9):
        super().__init__()
        self.mapping, self.synthesis, self.mixing = mapping, synthesis, mixing

    def styles(self, first, other):
        layers = self.synthesis.n_layers
        a, b = (self.mapping(z)[:, None].expand(-1, layers, -1) for z in (first, other))
        begins = torch.rand(len(a), 1, 1, device=a.device) * ((layers - 1) / self.mixing)
        return torch.where(torch.arange(layers, device=a.device)[None, :, None] > begins, b, a)

    def forward(self, first, other):
        return self.synthesis(self.styles(first, other))


class Block(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv = Conv(inputs, inputs, 3, math.sqrt(2), padding=1)
        self.blur = Filter(inputs, pad=(2, 2))
        self.down = Conv(inputs, outputs, 3, 1.0, stride=2)
        self.reduce = Filter(inputs, down=2)
        self.skip = Conv(inputs, outputs, 1, SQRT_HALF, bias=False)

    def forward(self, x):
        y = F.leaky_relu(self.down(self.blur(F.leaky_relu(self.conv(x), 0.2))), 0.2)
        return y + self.skip(self.reduce(x))


class Discriminator(nn.Module):
    def __init__(self, resolution, channels, features, group=4):
        super().__init__()
        self.from_rgb = Conv(channels, features(resolution), 1, math.sqrt(2))
        self.blocks = nn.Sequential(*(Block(features(side), features(side // 2))
                                      for side in reversed(list(sides(resolution))) if side > 4))
        self.conv = Conv(features(4) + 1, features(4), 3, math.sqrt(2), padding=1)
        self.dense, self.score, self.group = Dense(16 * features(4), features(4)), Dense(features(4), 1), group

    def stddev(self, x):
        n, _, h, w = x.shape
        group = x.float().reshape(self.group, -1, *x.shape[1:])
        deviation = (group.var(0, unbiased=False) + 1e-8).sqrt().mean((1, 2, 3))
        return torch.cat([x, deviation.to(x.dtype).repeat(self.group)[:, None, None, None].expand(n, 1, h, w)], 1)

    def forward(self, x):
        x = self.blocks(F.leaky_relu(self.from_rgb(x), 0.2))
        x = F.leaky_relu(self.conv(self.stddev(x)), 0.2)
        return self.score(leaky(self.dense(x.flatten(1))))


def make(s):
    size, channels, base, most = s["data.resolution"], s["data.channels"], s["fmap_base"], s["fmap_max"]
    features = lambda side: min(base // side, most)
    g = Generator(Mapping(s["latent"], s["w_width"], s["mapping_layers"]), Synthesis(size, channels, features, s["w_width"]))
    return g, Discriminator(size, channels, features)
