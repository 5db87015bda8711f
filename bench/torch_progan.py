"""ProGAN in PyTorch, for torch_programs.py: both networks at their last resolution, stable or being faded in."""
import math

import torch
import torch.nn as nn
import torch.nn.functional as F

from torch_stylegan2 import Dense, sides


class Conv(nn.Conv2d):
    def __init__(self, inputs, outputs, kernel=3, gain=math.sqrt(2)):
        super().__init__(inputs, outputs, kernel, padding=kernel // 2)
        nn.init.normal_(self.weight)
        nn.init.zeros_(self.bias)
        self.scale = gain / math.sqrt(inputs * kernel * kernel)

    def forward(self, x):
        return F.conv2d(x, self.weight * self.scale, self.bias, padding=self.padding)


class FromLatent(nn.Module):
    def __init__(self, latent, outputs):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(latent, outputs * 16))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.scale = math.sqrt(2) / 4 / math.sqrt(latent)

    def forward(self, z):
        x = z @ (self.weight * self.scale)
        return x.reshape(len(z), -1, 4, 4) + self.bias.to(x.dtype)[:, None, None]


class PixelNorm(nn.Module):
    def forward(self, x):
        return x * torch.rsqrt(x.square().mean(1, keepdim=True) + 1e-8)


def fade(old, new, alpha):
    return torch.lerp(old, new, alpha.to(new.dtype))


class Generator(nn.Module):
    """`alpha` is a tensor, or None where the resolution is stable."""

    def __init__(self, resolution, channels, features, latent, alpha):
        super().__init__()
        self.blocks = nn.ModuleList()
        for side in sides(resolution):
            here, act = features(side), [nn.LeakyReLU(0.2, True), PixelNorm()]
            begin = [nn.Upsample(scale_factor=2), Conv(features(side // 2), here)] if side > 4 else \
                [PixelNorm(), FromLatent(latent, here)]
            self.blocks.append(nn.Sequential(*begin, *act, Conv(here, here), *act))
        self.to_rgb = Conv(features(resolution), channels, 1, 1.0)
        self.to_rgb_before = Conv(features(resolution // 2), channels, 1, 1.0)
        self.alpha = alpha

    def forward(self, z):
        x = before = z
        for block in self.blocks:
            before, x = x, block(x)
        images = self.to_rgb(x)
        if self.alpha is None:
            return images
        return fade(F.interpolate(self.to_rgb_before(before), scale_factor=2), images, self.alpha)


class Discriminator(nn.Module):
    def __init__(self, resolution, channels, features, alpha, group=4):
        super().__init__()
        act = nn.LeakyReLU(0.2, True)
        self.from_rgb = nn.Sequential(Conv(channels, features(resolution), 1), act)
        self.from_rgb_before = nn.Sequential(Conv(channels, features(resolution // 2), 1), act)
        blocks = [nn.Sequential(Conv(features(side), features(side)), act, Conv(features(side), features(side // 2)), act,
                                nn.AvgPool2d(2)) for side in reversed(list(sides(resolution))) if side > 4]
        self.first, self.blocks = blocks[0], nn.Sequential(*blocks[1:])
        self.conv = Conv(features(4) + 1, features(4))
        self.dense, self.score = Dense(16 * features(4), features(2)), Dense(features(2), 1)
        self.alpha, self.group = alpha, group

    def stddev(self, x):
        n, _, h, w = x.shape
        dealt = x.float().reshape(self.group, -1, *x.shape[1:])
        deviation = (dealt.var(0, unbiased=False) + 1e-8).sqrt().mean((1, 2, 3))
        return torch.cat([x, deviation.to(x.dtype).repeat(self.group)[:, None, None, None].expand(n, 1, h, w)], 1)

    def forward(self, images):
        x = self.first(self.from_rgb(images))
        if self.alpha is not None:
            x = fade(self.from_rgb_before(F.avg_pool2d(images, 2)), x, self.alpha)
        x = F.leaky_relu(self.conv(self.stddev(self.blocks(x))), 0.2)
        return self.score(F.leaky_relu(self.dense(x.flatten(1)) * math.sqrt(2), 0.2))


def make(s, alpha):
    size, channels = s["data.resolution"], s["data.channels"]
    features = lambda side: min(2 * s["fmap_base"] // side, s["fmap_max"])
    return Generator(size, channels, features, s["latent"], alpha), Discriminator(size, channels, features, alpha)


def stage(s):
    """alpha of the last resolution after that many thousand images, with the plugin's 600 stable and 600 fading."""
    levels = int(math.log2(s["data.resolution"])) - 2
    alpha = (s["train.shown_kimg"] - levels * 600 - (levels - 1) * 600) / 600
    return alpha if alpha < 1 else None


def faded_reals(real, alpha):
    return real if alpha is None else fade(F.interpolate(F.avg_pool2d(real, 2), scale_factor=2), real, alpha)
