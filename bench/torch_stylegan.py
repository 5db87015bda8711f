"""StyleGAN in PyTorch, for torch_programs.py: both networks at their last resolution, as plugins/stylegan has them.

Written to be fast on the CPU: a convolution beside a resampling is one of 4x4 with stride 2, as in the authors' code at
large resolutions.
"""
import math

import torch
import torch.nn as nn
import torch.nn.functional as F

from torch_stylegan2 import Dense, Mapping, sides

SQRT_TWO = math.sqrt(2)


def spread(weight):
    """Each tap over a square of 2x2."""
    return sum(F.pad(weight, (x, 1 - x, y, 1 - y)) for x in (0, 1) for y in (0, 1))


class Conv(nn.Module):
    def __init__(self, inputs, outputs, kernel=3, gain=SQRT_TWO, bias=True):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
        self.scale, self.padding = gain / math.sqrt(inputs * kernel * kernel), kernel // 2

    def forward(self, x):
        return F.conv2d(x, self.weight * self.scale, self.bias, padding=self.padding)


class ConvDown(Conv):
    def forward(self, x):
        return F.conv2d(x, spread(self.weight * (self.scale / 4)), self.bias, stride=2, padding=1)


class ConvUp(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(inputs, outputs, 3, 3))
        self.scale = SQRT_TWO / math.sqrt(9 * inputs)

    def forward(self, x):
        return F.conv_transpose2d(x, spread(self.weight * self.scale), stride=2, padding=1)


class Blur(nn.Module):
    def __init__(self, channels):
        super().__init__()
        row = torch.tensor([1.0, 2.0, 1.0]) / 4
        self.register_buffer("taps", torch.outer(row, row).expand(channels, 1, 3, 3).contiguous())

    def forward(self, x):
        return F.conv2d(x, self.taps.to(x.dtype), padding=1, groups=x.shape[1])


class Epilogue(nn.Module):
    def __init__(self, channels, width):
        super().__init__()
        self.noise_strength, self.bias = (nn.Parameter(torch.zeros(channels, 1, 1)) for _ in range(2))
        self.affine = Dense(width, 2 * channels)

    def forward(self, x, w):
        noise = torch.randn(len(x), 1, *x.shape[2:], device=x.device)
        x = F.leaky_relu(x + (noise * self.noise_strength + self.bias).to(x.dtype), 0.2)
        scale, shift = self.affine(w).to(x.dtype)[:, :, None, None].chunk(2, 1)
        return torch.addcmul(shift, F.instance_norm(x, eps=1e-8), scale + 1)


class Synthesis(nn.Module):
    def __init__(self, resolution, channels, features, width):
        super().__init__()
        self.constant = nn.Parameter(torch.ones(1, features(4), 4, 4))
        self.ups, self.convs, self.epilogues = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        for side in sides(resolution):
            here = features(side)
            self.ups.append(nn.Sequential(ConvUp(features(side // 2), here), Blur(here)) if side > 4 else nn.Identity())
            self.convs.append(Conv(here, here, bias=False))
            self.epilogues.extend(Epilogue(here, width) for _ in range(2))
        self.to_rgb = Conv(features(resolution), channels, 1, 1.0)
        self.n_layers = len(self.epilogues)

    def forward(self, w):
        x = self.constant.expand(len(w), -1, -1, -1)
        for i, (up, conv) in enumerate(zip(self.ups, self.convs)):
            x = self.epilogues[2 * i](up(x), w[:, 2 * i])
            x = self.epilogues[2 * i + 1](conv(x), w[:, 2 * i + 1])
        return self.to_rgb(x)


class Discriminator(nn.Module):
    def __init__(self, resolution, channels, features, group=4):
        super().__init__()
        act = nn.LeakyReLU(0.2, True)
        blocks = [nn.Sequential(Conv(features(side), features(side)), act, Blur(features(side)),
                                ConvDown(features(side), features(side // 2)), act)
                  for side in reversed(list(sides(resolution))) if side > 4]
        self.blocks = nn.Sequential(Conv(channels, features(resolution), 1), act, *blocks)
        self.conv = Conv(features(4) + 1, features(4))
        self.dense, self.score, self.group = Dense(16 * features(4), features(2)), Dense(features(2), 1), group

    def stddev(self, x):
        n, _, h, w = x.shape
        dealt = x.float().reshape(self.group, -1, *x.shape[1:])
        deviation = (dealt.var(0, unbiased=False) + 1e-8).sqrt().mean((1, 2, 3))
        return torch.cat([x, deviation.to(x.dtype).repeat(self.group)[:, None, None, None].expand(n, 1, h, w)], 1)

    def forward(self, x):
        x = F.leaky_relu(self.conv(self.stddev(self.blocks(x))), 0.2)
        return self.score(F.leaky_relu(self.dense(x.flatten(1)) * SQRT_TWO, 0.2))


def make(s):
    size, channels, width = s["data.resolution"], s["data.channels"], s["w_width"]
    features = lambda side: min(2 * s["fmap_base"] // side, s["fmap_max"])
    mapping = Mapping(s["latent"], width, s["mapping_layers"])
    return mapping, Synthesis(size, channels, features, width), Discriminator(size, channels, features)
