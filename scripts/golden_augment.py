"""The augmentation of sdk/include/gan/augment.h in PyTorch, for the make-golden scripts, from what it means: an image goes
on behind its borders as in mirrors, and every transformation says where in the image before it a position of the image
behind it comes from; colours are vectors, transformed around the grey axis. Images are N, H, W, C here; a position is a
complex number, pixels to the right of the centre + i pixels below it. Numbers are drawn in ganhost's order."""
import math

import torch


# ---- positions ----

def mirrored(at, n):
    """[..., n]: the weight of each of n pixels in a sample at `at` of the line that they and their mirror images make."""
    copies = torch.arange(n, dtype=at.dtype)
    copies = torch.stack((copies, -1 - copies))
    most = math.ceil(at.abs().max().item() / (2 * n)) + 1
    copies = copies[:, :, None] + 2 * n * torch.arange(-most, most + 1)
    return (1 - (at[..., None, None, None] - copies).abs()).clamp(min=0).sum((-3, -1))


def warped(x, source):
    """Bilinear samples at source(position of each pixel)."""
    _, h, w, _ = x.shape
    v, u = torch.meshgrid(*(torch.arange(side, dtype=x.dtype) - (side - 1) / 2 for side in (h, w)), indexing="ij")
    at = source(torch.complex(u, v).expand(len(x), -1, -1))
    rows, columns = mirrored(at.imag + (h - 1) / 2, h), mirrored(at.real + (w - 1) / 2, w)
    return torch.einsum("nijy,nijx,nyxc->nijc", rows, columns, x)


# ---- chance ----

class Chance:
    """For n images: each draw is [n, 1, 1]."""
    def __init__(self, draws, n, p):
        self.draws, self.n, self.p = draws, n, p

    def taken(self, p=None):
        return self.draws.uniform(self.n, 1, 1) < (self.p if p is None else p)

    def factor(self, deviation):
        """2^N(0, deviation²)."""
        taken = self.taken()
        return torch.where(taken, 2 ** (deviation * self.draws.normal(self.n, 1, 1)), 1.0)

    def angle(self, p=None):
        taken = self.taken(p)
        return torch.where(taken, self.plane(self.draws.normal(self.n, 2)).angle(), 0.0)

    def plane(self, pairs):
        return torch.complex(*pairs.T)[:, None, None]


# ---- what is done ----

def pixel_moves(chance, h, w):
    """b: mirrored, turned by quarters, moved by whole pixels."""
    flip = chance.taken(chance.p / 2)
    yield lambda at: torch.where(flip, -at.conj(), at)
    quarters = chance.draws.integers(chance.n, 4)[:, None, None] * chance.taken()
    yield lambda at: at * torch.tensor([1, -1j, -1, 1j], dtype=at.dtype)[quarters]
    parts = chance.draws.uniform(chance.n, 2, low=-0.125, high=0.125)
    shift = chance.plane((parts * torch.tensor([w, h])).round()) * chance.taken()
    yield lambda at: at + shift


def any_moves(chance, h, w):
    """g: scaled, turned, drawn out in any direction, moved by fractions. One of the two turns happens with p."""
    turned = 1 - math.sqrt(1 - chance.p)
    scale = chance.factor(0.2)
    yield lambda at: at * scale
    first = torch.exp(-1j * chance.angle(turned))
    yield lambda at: at * first
    wide = chance.factor(0.2)
    yield lambda at: torch.complex(at.real * wide, at.imag / wide)
    second = torch.exp(-1j * chance.angle(turned))
    yield lambda at: at * second
    parts = chance.draws.normal(chance.n, 2) * 0.125
    shift = chance.plane(parts * torch.tensor([w, h])) * chance.taken()
    yield lambda at: at + shift


def colours(chance, x):
    """c: brightness, contrast, the grey axis reversed, and of colours the hue, an angle around it, and the saturation, the
    distance from it; applied in this order."""
    channels = x.shape[3]
    one = torch.eye(channels, dtype=x.dtype)
    axis = torch.full((channels, 1), channels**-0.5, dtype=x.dtype)
    grey = axis @ axis.T
    contrast = chance.factor(0.5)
    taken = chance.taken()
    brightness = torch.where(taken, 0.2 * chance.draws.normal(chance.n, 1, 1), 0.0)
    matrix = contrast * (one - 2 * grey * chance.taken(chance.p / 2))
    if channels == 3:
        cross = torch.linalg.cross(axis.T.expand(3, 3), one, dim=1).T
        matrix = torch.linalg.matrix_exp(chance.angle() * cross) @ matrix
        matrix = (grey + chance.factor(1.0) * (one - grey)) @ matrix
    return torch.einsum("ncd,nhwd->nhwc", matrix, x + brightness[..., None])


class Augmentation:
    """Of a golden_steps.Golden with the options augment and augment_*; `augment` of that model."""
    def __init__(self, golden):
        self.draws, self.kinds = golden.noise, golden.option("augment_kinds", "bgc")
        self.kimg = golden.option("augment_kimg", 500.0) if golden.option("augment") == "adaptive" else None
        self.target = golden.option("augment_target", 0.6)
        self.p, self.sign, self.signs = golden.option("augment_p", 0.0), 0.0, []
        number = lambda value: torch.tensor(value, dtype=torch.float64)
        golden.state("augment.p", lambda: number(self.p))
        golden.state("augment.sign", lambda: number(self.sign))
        golden.state("augment.signs", lambda: number(float(sum(self.signs))))
        golden.state("augment.seen", lambda: number(float(len(self.signs))))

    def __call__(self, x):
        chance, moves = Chance(self.draws, len(x), self.p), []
        for kind, moves_of in (("b", pixel_moves), ("g", any_moves)):
            moves += moves_of(chance, *x.shape[1:3]) if kind in self.kinds else []

        def source(at):
            for move in reversed(moves):
                at = move(at)
            return at

        x = warped(x, source)
        return colours(chance, x) if "c" in self.kinds else x

    def observe(self, real_scores):
        assert real_scores.abs().min() > 1e-3  # else the sign could be one of rounding
        self.signs += real_scores.sign().flatten().tolist()

    def adjust(self, images):
        self.sign, self.signs = sum(self.signs) / len(self.signs), []
        if self.kimg is not None:
            assert self.sign != self.target
            self.p += math.copysign(images / (1000 * self.kimg), self.sign - self.target)
            self.p = min(max(self.p, 0.0), 1.0)
