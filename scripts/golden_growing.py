"""What networks that grow are made of, in PyTorch, for the make-golden scripts: layers with an equalized learning rate and
the discriminator of sdk/include/gan/growth.h. Their state_dicts have the names of ganhost's checkpoints. Images are N, C,
H, W here. Drawn by golden_steps.draw_equalized."""
import math

import torch
from torch import nn
from torch.nn import functional


def leaky(x):
    return functional.leaky_relu(x, 0.2)


def pixel_norm(x):
    return x / (x.square().mean(1, keepdim=True) + 1e-8).sqrt()


def halved(x):
    return functional.avg_pool2d(x, 2)


def doubled(x):
    return functional.interpolate(x, scale_factor=2)


def fade(old, new, alpha):
    return new if alpha is None else alpha * new + (1 - alpha) * old


def faded_reals(x, alpha):
    return fade(doubled(halved(x)), x, alpha)


class Blur(nn.Module):
    """[1, 2, 1] on both axes."""
    def forward(self, x):
        taps = torch.tensor([1.0, 2.0, 1.0], dtype=x.dtype) / 4
        kernel = torch.outer(taps, taps).expand(x.shape[1], 1, 3, 3)
        return functional.conv2d(x, kernel, padding=1, groups=x.shape[1])


class Dense(nn.Module):
    def __init__(self, fan_in, out, gain=1.0, lr_multiplier=1.0, bias_gain=1.0):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.empty(out, fan_in)), nn.Parameter(torch.empty(out))
        self.lr_multiplier = lr_multiplier
        self.scale, self.bias_scale = gain * lr_multiplier / math.sqrt(fan_in), bias_gain * lr_multiplier

    def forward(self, x):
        return functional.linear(x, self.weight * self.scale, self.bias * self.bias_scale)


class Conv(nn.Module):
    def __init__(self, fan_in, out, kernel=3, gain=math.sqrt(2), bias=True):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(out, fan_in, kernel, kernel))
        self.bias = nn.Parameter(torch.empty(out)) if bias else None
        self.scale, self.padding = gain / math.sqrt(fan_in * kernel * kernel), kernel // 2

    def forward(self, x):
        return functional.conv2d(x, self.weight * self.scale, self.bias, padding=self.padding)


class ConvDown(Conv):
    def forward(self, x):
        return halved(super().forward(x))


class ConvUp(nn.Module):
    """The weight is that of a transposed convolution: [in, out, 3, 3], turned by 180 degrees."""
    def __init__(self, fan_in, out, gain=math.sqrt(2), bias=True):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(fan_in, out, 3, 3))
        self.bias = nn.Parameter(torch.empty(out)) if bias else None
        self.scale = gain / math.sqrt(9 * fan_in)

    def forward(self, x):
        weight = self.weight.flip(2, 3).transpose(0, 1) * self.scale
        return functional.conv2d(doubled(x), weight, self.bias, padding=1)


class Apply(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def features(golden):
    base, most = golden.option("fmap_base"), golden.option("fmap_max")
    return lambda side: min(2 * base // side, most)


def minibatch_stddev(x, group):
    """Sample i is in group i mod (n / group)."""
    n, _, h, w = x.shape
    dealt = x.reshape(min(group, n), -1, *x.shape[1:])
    deviation = (dealt.var(0, unbiased=False) + 1e-8).sqrt().mean((1, 2, 3))
    return torch.cat([x, deviation.repeat(len(dealt))[:, None, None, None].expand(n, 1, h, w)], 1)


def first_resolution(golden, start):
    return golden.option("start", start) if golden.option("grow", True) else golden.side


def stage(golden, first, kimg):
    """Resolution and alpha (None: stable)."""
    stable, fading, side = golden.option("stable_kimg"), golden.option("fade_kimg"), first
    while side < golden.side and kimg >= stable:
        side, kimg = 2 * side, kimg - stable - fading
    alpha = (kimg + fading) / fading
    return side, alpha if side > first and alpha < 1 else None


def optimizers(golden, side, *networks):
    """New ones for that resolution: the generator's, the discriminator's."""
    given = dict(entry.split(": ") for entry in golden.option("lr_at", "").split(", ") if entry)
    for name, network in zip(("g_optim", "d_optim"), networks):
        adam = torch.optim.Adam(network.parameters(), lr=float(given.get(str(side), golden.option("lr", 0.001))),
                                betas=(golden.option("beta1", 0.0), golden.option("beta2", 0.99)))
        yield golden.optimizer(name, adam, network)


class GrowingDiscriminator(nn.Module):
    def __init__(self, golden, first, blur):
        super().__init__()
        width, act = features(golden), Apply(leaky)
        group = golden.option("stddev_group")
        for side in (2**i for i in range(2, 11) if 2**i <= golden.side):
            here, below = width(side), width(side // 2)
            if side == 4:
                block = [Apply(lambda x: minibatch_stddev(x, group)), Conv(here + 1, here), act,
                         Apply(lambda x: x.permute(0, 2, 3, 1).flatten(1)), Dense(16 * here, width(2), math.sqrt(2)), act,
                         Dense(width(2), 1)]
            elif blur:
                block = [Conv(here, here), act, Blur(), ConvDown(here, below), act]
            else:
                block = [Conv(here, here), act, Conv(here, below), act, Apply(halved)]
            parts = {"block": nn.Sequential(*block)}
            if side >= first:
                parts["from_rgb"] = nn.Sequential(Conv(golden.channels, here, 1), act)
            self.add_module(str(side), nn.ModuleDict(parts))

    def forward(self, images, alpha=None):
        side = images.shape[2]
        at = lambda r: self.get_submodule(str(r))
        x = at(side)["block"](at(side)["from_rgb"](images))
        if alpha is not None:
            x = fade(at(side // 2)["from_rgb"](halved(images)), x, alpha)
        while (side := side // 2) >= 4:
            x = at(side)["block"](x)
        return x
