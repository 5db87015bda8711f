"""Networks and training steps of torch_reference.py."""
import itertools

import torch
import torch.nn as nn
import torch.nn.functional as F

IMAGES = {"gan": 100, "dcgan": 64, "cyclegan": 2, "cyclegan-generator": 1}  # real images that a step is shown


def version():
    return torch.__version__


def set_threads(threads):
    torch.manual_seed(1)
    torch.set_num_threads(threads)


def waves(n, channels, size):
    """Smooth images in [-1, 1] with a random frequency, direction and phase each: what images_make of harness.c
    draws."""
    grid = torch.arange(size) / size
    draw = torch.rand(n, channels, 3) * 6.28318
    angle = draw[..., 0, None, None] * grid[None, None, :, None] + draw[..., 1, None, None] * grid[None, None, None, :]
    return torch.sin(angle + draw[..., 2, None, None])


class Mode:
    def __init__(self, words, precision):
        self.literal = "literal" in words
        self.layout = torch.channels_last if "nhwc" in words else torch.contiguous_format
        self.compiler = next((word for word in words if word in ("compile", "autotune")), None)
        self.bf16 = precision == "bf16"

    def network(self, module):
        if any(isinstance(layer, nn.Conv2d) for layer in module.modules()):
            module = module.to(memory_format=self.layout)
        if self.compiler:
            module.compile(mode="max-autotune-no-cudagraphs" if self.compiler == "autotune" else None)
        return module

    def images(self, images):
        return images.to(memory_format=self.layout)

    def autocast(self):
        return torch.autocast("cpu", torch.bfloat16, enabled=self.bf16)

    def bce(self, output, target):
        """Of an output that has a sigmoid only in the literal loop. BCELoss refuses bf16."""
        loss = F.binary_cross_entropy if self.literal else F.binary_cross_entropy_with_logits
        output = output.float()
        return loss(output, torch.full_like(output, target))


def adam(parameters, lr, betas=(0.9, 0.999)):
    return torch.optim.Adam(parameters, lr=lr, betas=betas, fused=True)


def freeze(network, frozen):
    for parameter in network.parameters():
        parameter.requires_grad_(not frozen)


# ---- the chapter's GAN: MLPs on 784 values, batch 100 ----

def gan(mode):
    batch, latent, hidden, pixels = 100, 64, 256, 784
    g = mode.network(nn.Sequential(nn.Linear(latent, hidden), nn.ReLU(True), nn.Linear(hidden, hidden), nn.ReLU(True),
                                   nn.Linear(hidden, pixels), nn.Tanh()))
    layers = [nn.Linear(pixels, hidden), nn.LeakyReLU(0.2, True), nn.Linear(hidden, hidden), nn.LeakyReLU(0.2, True),
              nn.Linear(hidden, 1)]
    d = mode.network(nn.Sequential(*layers, *([nn.Sigmoid()] if mode.literal else [])))
    d_optim, g_optim = adam(d.parameters(), 2e-4), adam(g.parameters(), 2e-4)
    reals = itertools.cycle(waves(8 * batch, 1, 28).reshape(8, batch, pixels))

    def literal_step():
        real = next(reals)
        with mode.autocast():
            real_score = d(real)
            fake_score = d(g(torch.randn(batch, latent)))
            d_loss = mode.bce(real_score, 1.0) + mode.bce(fake_score, 0.0)
        d_optim.zero_grad()
        g_optim.zero_grad()
        d_loss.backward()
        d_optim.step()
        with mode.autocast():
            g_loss = mode.bce(d(g(torch.randn(batch, latent))), 1.0)
        d_optim.zero_grad()
        g_optim.zero_grad()
        g_loss.backward()
        g_optim.step()
        return {"d": d_loss.item(), "g": g_loss.item()}

    def tuned_step():
        with mode.autocast():
            with torch.no_grad():
                fake = g(torch.randn(batch, latent))
            # No layer mixes samples, so one pass over both halves is the same function and twice the rows.
            logits = d(torch.cat([next(reals), fake.float()])).float()
            d_loss = mode.bce(logits[:batch], 1.0) + mode.bce(logits[batch:], 0.0)
        d_optim.zero_grad()
        d_loss.backward()
        d_optim.step()
        freeze(d, True)
        with mode.autocast():
            g_loss = mode.bce(d(g(torch.randn(batch, latent))), 1.0)
        g_optim.zero_grad()
        g_loss.backward()
        g_optim.step()
        freeze(d, False)
        return {"d": d_loss.detach(), "g": g_loss.detach()}

    return literal_step if mode.literal else tuned_step


# ---- the chapter's DCGAN: 64x64, batch 64 ----

def dcgan_init(module):
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)


def dcgan(mode):
    batch, latent, width = 64, 100, 64
    up, down = [], []
    for inputs, outputs, stride, pad in [(latent, 8, 1, 0), (8, 4, 2, 1), (4, 2, 2, 1), (2, 1, 2, 1)]:
        inputs = inputs if inputs == latent else inputs * width
        up += [nn.ConvTranspose2d(inputs, outputs * width, 4, stride, pad, bias=False),
               nn.BatchNorm2d(outputs * width), nn.ReLU(True)]
    g = nn.Sequential(*up, nn.ConvTranspose2d(width, 3, 4, 2, 1, bias=False), nn.Tanh())
    for inputs, outputs in [(1, 2), (2, 4), (4, 8)]:
        down += [nn.Conv2d(inputs * width, outputs * width, 4, 2, 1, bias=False), nn.BatchNorm2d(outputs * width),
                 nn.LeakyReLU(0.2, True)]
    d = nn.Sequential(nn.Conv2d(3, width, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, True), *down,
                      nn.Conv2d(8 * width, 1, 4, 1, 0, bias=False), *([nn.Sigmoid()] if mode.literal else []))
    g, d = mode.network(g.apply(dcgan_init)), mode.network(d.apply(dcgan_init))
    d_optim, g_optim = adam(d.parameters(), 2e-4, (0.5, 0.999)), adam(g.parameters(), 2e-4, (0.5, 0.999))
    reals = itertools.cycle([mode.images(waves(batch, 3, 64)) for _ in range(4)])

    def step():
        d_optim.zero_grad()
        with mode.autocast():
            real_loss = mode.bce(d(next(reals)).view(-1), 1.0)
        real_loss.backward()
        with mode.autocast():
            fake = g(torch.randn(batch, latent, 1, 1))
            fake_loss = mode.bce(d(fake.detach()).view(-1), 0.0)
        fake_loss.backward()
        d_optim.step()

        g_optim.zero_grad()
        if not mode.literal:
            freeze(d, True)
        with mode.autocast():
            g_loss = mode.bce(d(fake).view(-1), 1.0)
        g_loss.backward()
        g_optim.step()
        if not mode.literal:
            freeze(d, False)
        losses = {"d": (real_loss + fake_loss).detach(), "g": g_loss.detach()}
        return {name: value.item() for name, value in losses.items()} if mode.literal else losses

    return step


# ---- the chapter's CycleGAN: 128x128, 6 blocks, batch 1 ----

class Residual(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.block = nn.Sequential(nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3), nn.InstanceNorm2d(width),
                                   nn.ReLU(True), nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3),
                                   nn.InstanceNorm2d(width))

    def forward(self, x):
        return x + self.block(x)


def cyclegan_generator(blocks=6):
    layers = [nn.ReflectionPad2d(3), nn.Conv2d(3, 64, 7), nn.InstanceNorm2d(64), nn.ReLU(True)]
    for width in (64, 128):
        layers += [nn.Conv2d(width, 2 * width, 3, 2, 1), nn.InstanceNorm2d(2 * width), nn.ReLU(True)]
    layers += [Residual(256) for _ in range(blocks)]
    for width in (256, 128):
        layers += [nn.ConvTranspose2d(width, width // 2, 3, 2, 1, 1), nn.InstanceNorm2d(width // 2), nn.ReLU(True)]
    return nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(64, 3, 7), nn.Tanh())


class PatchDiscriminator(nn.Module):
    def __init__(self):
        super().__init__()
        layers = [nn.Conv2d(3, 64, 4, 2, 1), nn.LeakyReLU(0.2, True)]
        for inputs, outputs, stride in [(64, 128, 2), (128, 256, 2), (256, 512, 1)]:
            layers += [nn.Conv2d(inputs, outputs, 4, stride, 1), nn.InstanceNorm2d(outputs), nn.LeakyReLU(0.2, True)]
        self.model = nn.Sequential(*layers, nn.Conv2d(512, 1, 4, 1, 1))

    def forward(self, x):
        return self.model(x).mean(dim=(1, 2, 3))


def mse(output, target):
    return F.mse_loss(output.float(), torch.full(output.shape, target))


def l1(a, b):
    return F.l1_loss(a.float(), b)


def cyclegan(mode):
    g_xy, g_yx = mode.network(cyclegan_generator()), mode.network(cyclegan_generator())
    d_x, d_y = mode.network(PatchDiscriminator()), mode.network(PatchDiscriminator())
    betas = (0.5, 0.999)
    g_optim = adam(itertools.chain(g_xy.parameters(), g_yx.parameters()), 2e-4, betas)
    dx_optim, dy_optim = adam(d_x.parameters(), 2e-4, betas), adam(d_y.parameters(), 2e-4, betas)
    pairs = itertools.cycle([(mode.images(waves(1, 3, 128)), mode.images(waves(1, 3, 128))) for _ in range(4)])

    def d_step(d, optim, real, fake):
        optim.zero_grad()
        with mode.autocast():
            loss = (mse(d(real), 1.0) + mse(d(fake.detach()), 0.0)) * 0.5
        loss.backward()
        optim.step()
        return loss.detach()

    def g_terms(real_x, real_y):
        """The loss in four parts, made one after another."""
        with mode.autocast():
            yield l1(g_xy(real_y), real_y) * 5, None
        with mode.autocast():
            yield l1(g_yx(real_x), real_x) * 5, None
        for there, back, d, real in [(g_xy, g_yx, d_y, real_x), (g_yx, g_xy, d_x, real_y)]:
            with mode.autocast():
                fake = there(real)
                loss = mse(d(fake), 1.0) + l1(back(fake), real) * 10
            yield loss, fake.detach()

    def literal_g(real_x, real_y):
        terms = list(g_terms(real_x, real_y))
        loss = sum(term for term, _ in terms)
        loss.backward()
        return loss, terms[2][1], terms[3][1]

    def tuned_g(real_x, real_y):
        """The backward pass of each term before the next is made: the same sum of gradients in half the memory."""
        total, fakes = 0.0, []
        freeze(d_x, True)
        freeze(d_y, True)
        for loss, fake in g_terms(real_x, real_y):
            loss.backward()
            total, fakes = total + loss.detach(), fakes + [fake]
        freeze(d_x, False)
        freeze(d_y, False)
        return total, fakes[2], fakes[3]

    def step():
        real_x, real_y = next(pairs)
        g_optim.zero_grad()
        loss, x2y, y2x = (literal_g if mode.literal else tuned_g)(real_x, real_y)
        g_optim.step()
        losses = {"g": loss.detach(), "dx": d_step(d_x, dx_optim, real_x, y2x), "dy": d_step(d_y, dy_optim, real_y, x2y)}
        return {name: value.item() for name, value in losses.items()} if mode.literal else losses

    return step


def cyclegan_generator_only(mode):
    """One generator forward and backward of an L1 loss, weights' gradients only, and no update."""
    g = mode.network(cyclegan_generator())
    images = itertools.cycle([mode.images(waves(1, 3, 128)) for _ in range(4)])

    def step():
        x = next(images)
        g.zero_grad()
        with mode.autocast():
            loss = l1(g(x), x)
        loss.backward()
        return {"g": loss.detach()}

    return step


PROGRAMS = {"gan": gan, "dcgan": dcgan, "cyclegan": cyclegan, "cyclegan-generator": cyclegan_generator_only}


def build(program, words, precision):
    return PROGRAMS[program](Mode(words, precision))
