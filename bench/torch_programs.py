"""Training steps of torch_reference.py."""
import contextlib
import itertools
import random

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils._python_dispatch import TorchDispatchMode

import torch_networks as networks
import torch_progan
import torch_stylegan
import torch_stylegan2
from programs import PROGRAMS


def version():
    return torch.__version__


DEVICE = "cpu"


def use_device(device):
    """For the programs that are built from now on."""
    global DEVICE
    DEVICE = device


def set_threads(threads):
    torch.manual_seed(1)
    random.seed(1)
    torch.set_num_threads(threads)


class Training:
    """What is measured: functions that give losses, in the order of an iteration. d_step is called d_steps times."""

    def __init__(self, batch, d_steps=1, **phases):
        self.images = batch * d_steps  # real ones that an iteration is shown
        self.phases = [(name, run, d_steps if name == "d_step" else 1) for name, run in phases.items()]


class Mode:
    def __init__(self, words, precision):
        self.literal = "literal" in words
        self.batched = "batched" in words
        self.layout = torch.channels_last if "nhwc" in words else torch.contiguous_format
        self.compiler = next((word for word in words if word in ("compile", "autotune")), None)
        self.bf16 = precision == "bf16"

    def network(self, module):
        if any(isinstance(layer, nn.Conv2d) for layer in module.modules()):
            module = module.to(memory_format=self.layout)
        if self.compiler:
            # Batches of both sizes that D gets are compiled for themselves.
            module.compile(dynamic=False, mode="max-autotune-no-cudagraphs" if self.compiler == "autotune" else None)
        return module

    def images(self, images):
        return images.to(memory_format=self.layout)

    def autocast(self):
        return torch.autocast(DEVICE, torch.bfloat16, enabled=self.bf16)

    def bce(self, output, target):
        """Of an output that has a sigmoid only in the literal loop. BCELoss refuses bf16."""
        loss = F.binary_cross_entropy if self.literal else F.binary_cross_entropy_with_logits
        output = output.float()
        return loss(output, torch.full_like(output, target))

    def sigmoid(self):
        return [nn.Sigmoid()] if self.literal else []

    def read(self, **losses):
        """The literal loop prints its losses, and waits for them."""
        return {name: loss.item() if self.literal else loss.detach() for name, loss in losses.items()}

    @contextlib.contextmanager
    def frozen(self, network):
        """While a generator is trained: its discriminator's weights need no gradient."""
        freeze(network, not self.literal)
        yield
        freeze(network, False)


def adam(parameters, lr, betas=(0.9, 0.999)):
    return torch.optim.Adam(parameters, lr=lr, betas=betas, fused=True, capturable=DEVICE != "cpu")


def freeze(network, frozen):
    for parameter in network.parameters():
        parameter.requires_grad_(not frozen)


def waves(n, channels, size):
    """Smooth images in [-1, 1] with a random frequency, direction and phase each: what bench_images draws."""
    grid = torch.arange(size) / size
    draw = torch.rand(n, channels, 3) * 6.28318
    angle = draw[..., 0, None, None] * grid[None, None, :, None] + draw[..., 1, None, None] * grid[None, None, None, :]
    return torch.sin(angle + draw[..., 2, None, None])


class FlopCounter(TorchDispatchMode):
    """FLOPs of convolutions and matrix products, by torch's own formulas. (torch's FlopCounterMode itself breaks in the
    middle of a gradient penalty.)"""

    def __enter__(self):
        from torch.utils.flop_counter import flop_registry  # imports much: not before memory has been taken
        self.formulas, self.total = flop_registry, 0
        return super().__enter__()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        formula = self.formulas.get(func._overloadpacket)
        if formula:
            self.total += formula(*args, **(kwargs or {}), out_val=out)
        return out


def count(training):
    """GFLOP of one run of each phase and of an iteration."""
    counted = {"iteration": 0.0}
    for name, run, times in training.phases:
        with FlopCounter() as counter:
            for _ in range(times):
                run()
        counted["iteration"] += counter.total * 1e-9
        if name != "iteration":
            counted[name] = counter.total * 1e-9 / times
    return counted


def batches(mode, s, flat=False):
    """Endless pairs of images and labels (None without classes)."""
    n, size, classes = s["train.batch"], s["data.resolution"], s["data.classes"]
    made = []
    for i in range(4):
        images = waves(n, s["data.channels"], size)
        images = images.flatten(1) if flat else mode.images(images)
        made.append((images, (torch.arange(n) + i) % classes if classes else None))
    return itertools.cycle(made)


def both_or_apart(mode, d, real, fake):
    """Scores of the two halves. Where nothing in D looks across samples, someone who tunes gives them in one pass."""
    if mode.literal:
        return d(real).float(), d(fake).float()
    return d(torch.cat([real, fake.to(real.dtype)])).float().chunk(2)


# ---- gan: MLPs on 784 values ----

def gan(mode, s):
    n, latent, pixels = s["train.batch"], 64, s["data.resolution"] ** 2
    g = mode.network(nn.Sequential(networks.mlp([latent, 256, 256, pixels], lambda: nn.ReLU(True)), nn.Tanh()))
    d = networks.mlp([pixels, 256, 256, 1], lambda: nn.LeakyReLU(0.2, True))
    d = mode.network(nn.Sequential(d, *mode.sigmoid()))
    d_optim, g_optim = adam(d.parameters(), 2e-4), adam(g.parameters(), 2e-4)
    reals = batches(mode, s, flat=True)

    def d_step():
        real, _ = next(reals)
        with mode.autocast():
            with torch.set_grad_enabled(mode.literal):
                fake = g(torch.randn(n, latent, device=DEVICE))
            real_score, fake_score = both_or_apart(mode, d, real, fake)
            loss = mode.bce(real_score, 1.0) + mode.bce(fake_score, 0.0)
        d_optim.zero_grad()
        g_optim.zero_grad()
        loss.backward()
        d_optim.step()
        return mode.read(d=loss)

    def g_step():
        with mode.frozen(d):
            with mode.autocast():
                loss = mode.bce(d(g(torch.randn(n, latent, device=DEVICE))), 1.0)
            d_optim.zero_grad()
            g_optim.zero_grad()
            loss.backward()
            g_optim.step()
        return mode.read(g=loss)

    return Training(n, d_step=d_step, g_step=g_step)


# ---- dcgan: real and fake batches apart, the fake one used again ----

def dcgan(mode, s):
    n, size, channels, latent = s["train.batch"], s["data.resolution"], s["data.channels"], 100
    g = mode.network(networks.dcgan_generator(size, channels, 64, latent))
    d = networks.dcgan_discriminator(size, channels, 64, batch_norm=True)
    d.extend(mode.sigmoid())
    d = mode.network(d)
    d_optim, g_optim = adam(d.parameters(), 2e-4, (0.5, 0.999)), adam(g.parameters(), 2e-4, (0.5, 0.999))
    reals = batches(mode, s)
    fakes = []  # of the d_step, for the g_step

    def d_step():
        fakes.clear()
        d_optim.zero_grad()
        with mode.autocast():
            real_loss = mode.bce(d(next(reals)[0]), 1.0)
        real_loss.backward()
        with mode.autocast():
            fakes.append(g(torch.randn(n, latent, device=DEVICE)))
            fake_loss = mode.bce(d(fakes[0].detach()), 0.0)
        fake_loss.backward()
        d_optim.step()
        return mode.read(d=real_loss + fake_loss)

    def g_step():
        g_optim.zero_grad()
        with mode.frozen(d):
            with mode.autocast():
                loss = mode.bce(d(fakes.pop()), 1.0)
            loss.backward()
            g_optim.step()
        return mode.read(g=loss)

    return Training(n, d_step=d_step, g_step=g_step)


# ---- cgan: labels are conditions; the third term is of real images with a wrong label ----

def conditions(n, classes, labels):
    """Those of the fakes, and a wrong one for each real image."""
    return torch.randint(classes, (n,), device=DEVICE), (labels + torch.randint(1, classes, (n,), device=DEVICE)) % classes


def cgan(mode, s):
    n, latent, classes, pixels = s["train.batch"], 100, s["data.classes"], s["data.resolution"] ** 2
    g = nn.Sequential(networks.mlp([latent + 10, 256, 512, 1024, pixels], lambda: nn.LeakyReLU(0.2, True)), nn.Tanh())
    d = networks.mlp([pixels + 10, 1024, 512, 256, 1], lambda: nn.LeakyReLU(0.2, True), dropout=0.4)
    g = mode.network(networks.Joined(classes, 10, g))
    d = mode.network(networks.Joined(classes, 10, nn.Sequential(d, *mode.sigmoid())))
    d_optim, g_optim = adam(d.parameters(), 1e-4), adam(g.parameters(), 1e-4)
    reals = batches(mode, s, flat=True)

    def d_step():
        real, labels = next(reals)
        asked, wrong = conditions(n, classes, labels)
        with mode.autocast():
            with torch.set_grad_enabled(mode.literal):
                fake = g(torch.randn(n, latent, device=DEVICE), asked)
            if mode.literal:
                scores = [d(real, labels), d(fake.detach(), asked), d(real, wrong)]
            else:  # no layer mixes samples
                scores = d(torch.cat([real, fake.to(real.dtype), real]), torch.cat([labels, asked, wrong])).chunk(3)
            loss = sum(mode.bce(score, target) for score, target in zip(scores, (1.0, 0.0, 0.0)))
        d_optim.zero_grad()
        loss.backward()
        d_optim.step()
        return mode.read(d=loss)

    def g_step():
        with mode.frozen(d):
            with mode.autocast():
                asked = torch.randint(classes, (n,), device=DEVICE)
                loss = mode.bce(d(g(torch.randn(n, latent, device=DEVICE), asked), asked), 1.0)
            g_optim.zero_grad()
            loss.backward()
            g_optim.step()
        return mode.read(g=loss)

    return Training(n, d_step=d_step, g_step=g_step)


def cgan_conv(mode, s):
    """DCGAN's networks, with batch norm by class in G and a projection discriminator. Real and fake batches apart; those
    who tune compute the real images' features once for both labels."""
    n, size, channels, classes = s["train.batch"], s["data.resolution"], s["data.channels"], s["data.classes"]
    latent = 100
    g = mode.network(networks.dcgan_generator(size, channels, 64, latent, classes))
    d = mode.network(networks.dcgan_discriminator(size, channels, 64, True, classes))
    d_optim, g_optim = adam(d.parameters(), 1e-4), adam(g.parameters(), 1e-4)
    reals = batches(mode, s)
    bce = F.binary_cross_entropy_with_logits

    def score_loss(images, *given):
        """Of pairs of labels and target."""
        with mode.autocast():
            scores = d(images, *(labels for labels, _ in given))
            return sum(bce(score.float(), torch.full_like(score, target, dtype=torch.float32))
                       for score, (_, target) in zip(scores, given))

    def d_step():
        real, labels = next(reals)
        asked, wrong = conditions(n, classes, labels)
        d_optim.zero_grad()
        with mode.autocast(), torch.set_grad_enabled(mode.literal):
            fake = g(torch.randn(n, latent, device=DEVICE), asked).detach()
        terms = [(real, (labels, 1.0)), (fake, (asked, 0.0)), (real, (wrong, 0.0))]
        if not mode.literal:
            terms = [(real, (labels, 1.0), (wrong, 0.0)), (fake, (asked, 0.0))]
        total = 0.0
        for images, *given in terms:
            loss = score_loss(images, *given)
            loss.backward()
            total = total + loss.detach()
        d_optim.step()
        return mode.read(d=total)

    def g_step():
        with mode.frozen(d):
            asked = torch.randint(classes, (n,), device=DEVICE)
            with mode.autocast():
                fake = g(torch.randn(n, latent, device=DEVICE), asked)
            loss = score_loss(fake, (asked, 1.0))
            g_optim.zero_grad()
            loss.backward()
            g_optim.step()
        return mode.read(g=loss)

    return Training(n, d_step=d_step, g_step=g_step)


# ---- wgan_gp: a critic with a gradient penalty, or with clipped weights ----

def penalty(critic, real, fake):
    alpha = torch.rand(len(real), 1, 1, 1, device=DEVICE)
    x = torch.lerp(fake.float(), real, alpha).requires_grad_()
    # torch.compile has no second derivatives: `forward` is the module that was not compiled.
    scores = critic.forward(x)
    gradient, = torch.autograd.grad(scores.sum(), x, create_graph=True)
    return (gradient.flatten(1).norm(dim=1) - 1).square().mean()


def wgan_gp(mode, s):
    n, size, channels, latent = s["train.batch"], s["data.resolution"], s["data.channels"], 128
    if s.get("networks") == "resnet":
        g = networks.resnet_generator(channels, s["g_width"], latent)
        d = networks.resnet_discriminator(channels, s["d_width"], mean_pool=True)
    else:
        g = networks.dcgan_generator(size, channels, 64, latent)
        d = networks.dcgan_discriminator(size, channels, 64, batch_norm=False)
    g, d = mode.network(g), mode.network(d)
    clipped = s.get("lipschitz") == "clip"
    if clipped:
        g_optim, d_optim = (torch.optim.RMSprop(net.parameters(), lr=5e-5, capturable=DEVICE != "cpu") for net in (g, d))
    else:
        g_optim, d_optim = (adam(net.parameters(), 1e-4, (0.5, 0.9)) for net in (g, d))
    reals = batches(mode, s)

    def literal_d():
        """Clipped or not, in one backward pass."""
        real, _ = next(reals)
        with mode.autocast():
            fake = g(torch.randn(n, latent, device=DEVICE)).detach()
            loss = d(fake).float().mean() - d(real).float().mean()
            if not clipped:
                loss = loss + 10 * penalty(d, real, fake)
        d_optim.zero_grad()
        loss.backward()
        d_optim.step()
        return loss

    def tuned_d():
        """The penalty's backward pass before the scores are made: the same sum of gradients in less memory."""
        real, _ = next(reals)
        d_optim.zero_grad()
        with mode.autocast(), torch.no_grad():
            fake = g(torch.randn(n, latent, device=DEVICE))
        total = torch.zeros((), device=DEVICE)
        if not clipped:
            with mode.autocast():
                total = 10 * penalty(d, real, fake)
            total.backward()
        with mode.autocast():
            real_score, fake_score = both_or_apart(mode, d, real, fake)
            loss = fake_score.mean() - real_score.mean()
        loss.backward()
        d_optim.step()
        return loss.detach() + total.detach()

    def d_step():
        if clipped:
            with torch.no_grad():
                for parameter in d.parameters():
                    parameter.clamp_(-0.01, 0.01)
        return mode.read(d=literal_d() if mode.literal else tuned_d())

    def g_step():
        with mode.frozen(d):
            with mode.autocast():
                loss = -d(g(torch.randn(n, latent, device=DEVICE))).float().mean()
            g_optim.zero_grad()
            loss.backward()
            g_optim.step()
        return mode.read(g=loss)

    return Training(n, s["train.d_steps"], d_step=d_step, g_step=g_step)


# ---- sngan: residual networks, spectral normalization, hinge loss ----

def sngan(mode, s):
    n, channels, latent = s["train.batch"], s["data.channels"], 128
    g = mode.network(networks.resnet_generator(channels, 256, latent))
    d = mode.network(networks.resnet_discriminator(channels, 128, networks.spectral_norm_of(mode.literal)))
    d_optim, g_optim = adam(d.parameters(), 2e-4, (0.0, 0.9)), adam(g.parameters(), 2e-4, (0.0, 0.9))
    reals = batches(mode, s)

    def d_step():
        real, _ = next(reals)
        networks.power_iterations(d)
        with mode.autocast():
            with torch.no_grad():
                fake = g(torch.randn(n, latent, device=DEVICE))
            real_score, fake_score = both_or_apart(mode, d, real, fake)
            loss = F.relu(1 - real_score).mean() + F.relu(1 + fake_score).mean()
        d_optim.zero_grad()
        loss.backward()
        d_optim.step()
        return mode.read(d=loss)

    def g_step():
        with mode.frozen(d):
            with mode.autocast():
                loss = -d(g(torch.randn(n, latent, device=DEVICE))).float().mean()
            g_optim.zero_grad()
            loss.backward()
            g_optim.step()
        return mode.read(g=loss)

    return Training(n, s["train.d_steps"], d_step=d_step, g_step=g_step)


# ---- what has minibatch standard deviation in its discriminator ----

def in_groups(mode, d, real, fake):
    """Scores of both, in one pass if the loop is tuned, with no group of both."""
    if mode.literal:
        return d(real).float(), d(fake).float()
    halves = [x.reshape(d.group, -1, *x.shape[1:]) for x in (real, fake.to(real.dtype))]
    joined = torch.cat(halves, 1).flatten(0, 1).contiguous(memory_format=mode.layout)
    return d(joined).float().reshape(d.group, -1).chunk(2, 1)


# ---- progan: at its last resolution, stable or being faded in ----

def progan(mode, s):
    """The penalty's backward pass before the scores are made, in the tuned loop; it is not compiled (see `penalty`)."""
    n, latent = s["train.batch"], s["latent"]
    alpha = torch_progan.stage(s)
    alpha = None if alpha is None else torch.tensor(alpha, device=DEVICE)
    g, d = (mode.network(net) for net in torch_progan.make(s, alpha))
    d_optim, g_optim = adam(d.parameters(), 1e-3, (0.0, 0.99)), adam(g.parameters(), 1e-3, (0.0, 0.99))
    reals = batches(mode, s)

    def d_step():
        real, _ = next(reals)
        d_optim.zero_grad()
        with mode.autocast(), torch.no_grad():
            real = torch_progan.faded_reals(real, alpha)
            fake = g(torch.randn(n, latent, device=DEVICE))
        with mode.autocast():
            total = 10 * penalty(d, real, fake)
        if not mode.literal:
            total.backward()
            total = total.detach()
        with mode.autocast():
            real_score, fake_score = in_groups(mode, d, real, fake)
        loss = fake_score.mean() - real_score.mean() + 0.001 * real_score.square().mean() + total
        loss.backward()
        d_optim.step()
        return mode.read(d=loss)

    def g_step():
        with mode.frozen(d):
            with mode.autocast():
                loss = -d(g(torch.randn(n, latent, device=DEVICE))).float().mean()
            g_optim.zero_grad()
            loss.backward()
            g_optim.step()
        return mode.read(g=loss)

    return Training(n, d_step=d_step, g_step=g_step)


# ---- stylegan2: regularized in every step or in none, so that both can be timed ----

def stylegan2(mode, s):
    """The regularizations come first; torch.compile has no second derivatives, so their passes call the modules that were
    not compiled."""
    n, latent = s["train.batch"], s["latent"]
    g, d = (mode.network(net) for net in torch_stylegan2.make(s))
    d_optim, g_optim = adam(d.parameters(), 2e-3, (0.0, 0.99)), adam(g.parameters(), 2e-3, (0.0, 0.99))
    reals = batches(mode, s)
    mean_length = torch.zeros((), device=DEVICE)

    def z(count=n):
        return [torch.randn(count, latent, device=DEVICE) for _ in range(2)]

    def r1(real):
        real = real.clone().requires_grad_()
        with mode.autocast():
            score = d.forward(real)
        gradient, = torch.autograd.grad(score.sum(), real, create_graph=True)
        return 5.0 * gradient.square().sum((1, 2, 3)).mean()

    def path_length():
        with mode.autocast():
            w = g.styles(*z(n // 2))
            images = g.synthesis.forward(w)
        noise = torch.randn_like(images) / images.shape[-1]
        gradient, = torch.autograd.grad((images * noise).float().sum(), w, create_graph=True)
        lengths = gradient.float().square().sum(2).mean(1).sqrt()
        mean = torch.lerp(mean_length, lengths.mean(), 0.01)
        mean_length.copy_(mean.detach())
        return 2.0 * (lengths - mean).square().mean()

    def d_step():
        real, _ = next(reals)
        d_optim.zero_grad()
        if s["r1_interval"]:
            r1(real).backward()
        with mode.autocast():
            with torch.no_grad():
                fake = g(*z())
            real_score, fake_score = in_groups(mode, d, real, fake)
        loss = F.softplus(-real_score).mean() + F.softplus(fake_score).mean()
        loss.backward()
        d_optim.step()
        return mode.read(d=loss)

    def g_step():
        g_optim.zero_grad()
        if s["path_interval"]:
            path_length().backward()
        with mode.frozen(d):
            with mode.autocast():
                score = d(g(*z()))
            loss = F.softplus(-score.float()).mean()
            loss.backward()
            g_optim.step()
        return mode.read(g=loss)

    return Training(n, d_step=d_step, g_step=g_step)


# ---- stylegan: at its last resolution ----

def stylegan(mode, s):
    """The penalty shares the pass over the real images with their scores; with second derivatives, it is not compiled. The
    average of w is left out."""
    n, latent = s["train.batch"], s["latent"]
    mapping, synthesis, d = torch_stylegan.make(s)
    g, d = (mode.network(net) for net in (torch_stylegan2.Generator(mapping, synthesis), d))
    d_optim, g_optim = adam(d.parameters(), 1e-3, (0.0, 0.99)), adam(g.parameters(), 1e-3, (0.0, 0.99))
    reals = batches(mode, s)

    def generated():
        return g(*(torch.randn(n, latent, device=DEVICE) for _ in range(2)))

    def d_step():
        real, _ = next(reals)
        real = real.clone().requires_grad_()
        d_optim.zero_grad()
        with mode.autocast():
            with torch.no_grad():
                fake = generated()
            real_score = d.forward(real).float()
        gradient, = torch.autograd.grad(real_score.sum(), real, create_graph=True)
        loss = F.softplus(-real_score).mean() + 5.0 * gradient.square().sum((1, 2, 3)).mean()
        if not mode.literal:
            loss.backward()
            loss = loss.detach()
        with mode.autocast():
            fake_score = d(fake).float()
        loss = loss + F.softplus(fake_score).mean()
        loss.backward()
        d_optim.step()
        return mode.read(d=loss)

    def g_step():
        with mode.frozen(d):
            with mode.autocast():
                score = d(generated())
            loss = F.softplus(-score.float()).mean()
            g_optim.zero_grad()
            loss.backward()
            g_optim.step()
        return mode.read(g=loss)

    return Training(n, d_step=d_step, g_step=g_step)


# ---- cyclegan: unpaired translation in both directions ----

def mse(output, target):
    return F.mse_loss(output.float(), torch.full(output.shape, target, device=DEVICE))


def l1(a, b):
    return F.l1_loss(a.float(), b)


class Pool:
    """Of older fakes (Shrivastava et al. 2017), full from the beginning, as it is for most of a training. A captured
    iteration goes on deciding as it did once: the same work."""

    def __init__(self, images):
        self.images = images

    def exchange(self, fakes):
        shown = []
        for fake in fakes.float().split(1):
            if random.random() < 0.5:
                at = random.randrange(len(self.images))
                shown.append(self.images[at:at + 1].clone())
                self.images[at:at + 1] = fake
            else:
                shown.append(fake)
        return torch.cat(shown)


def cyclegan(mode, s):
    """d_step makes the fakes that g_step goes on with. The tuned loop makes the backward pass of each term before the next
    term: the same sum of gradients in half the memory; the batched one takes a generator's cycle and identity in one pass."""
    n, size, channels = s["train.batch"], s["data.resolution"], s["data.channels"]
    blocks = 9 if size > 128 else 6
    g_ab, g_ba = (mode.network(networks.cyclegan_generator(channels, blocks)) for _ in range(2))
    d_a, d_b = (mode.network(networks.patch_discriminator(channels)) for _ in range(2))
    betas = (0.5, 0.999)
    g_optim = adam(itertools.chain(g_ab.parameters(), g_ba.parameters()), 2e-4, betas)
    d_a_optim, d_b_optim = (adam(d.parameters(), 2e-4, betas) for d in (d_a, d_b))
    pool_a, pool_b = (Pool(mode.images(waves(s["pool"], channels, size))) for _ in range(2))
    reals = batches(mode, s)
    made = []  # of the d_step, for the g_step

    def update(d, optim, pool, real, fake):
        shown = mode.images(pool.exchange(fake.detach()))
        with mode.autocast():
            real_score, fake_score = both_or_apart(mode, d, real, shown)
            loss = 0.5 * (mse(real_score, 1.0) + mse(fake_score, 0.0))
        optim.zero_grad()
        loss.backward()
        optim.step()
        return loss

    def d_step():
        real_a, real_b = next(reals)[0], next(reals)[0]
        made.clear()
        with mode.autocast():
            fake_b, fake_a = g_ab(real_a), g_ba(real_b)
        made.extend([(real_a, fake_b, d_b, g_ba), (real_b, fake_a, d_a, g_ab)])
        return mode.read(d_a=update(d_a, d_a_optim, pool_a, real_a, fake_a),
                         d_b=update(d_b, d_b_optim, pool_b, real_b, fake_b))

    def terms(real, fake, d, back):
        """Of one direction; those that go on from the fake are one. `back` takes real images to themselves."""
        with mode.autocast():
            adversarial = mse(d(fake), 1.0)
            if mode.batched:
                recovered, same = back(torch.cat([fake.to(real.dtype), real])).chunk(2)
            else:
                recovered = back(fake)
            cycle = adversarial + 10 * l1(recovered, real)
            if mode.batched:
                cycle = cycle + 5 * l1(same, real)
        yield cycle
        if not mode.batched:
            with mode.autocast():
                yield 5 * l1(back(real), real)

    def g_step():
        total = 0.0
        g_optim.zero_grad()
        with mode.frozen(d_a), mode.frozen(d_b):
            while made:
                for loss in terms(*made.pop()):
                    if not mode.literal:
                        loss.backward()
                        loss = loss.detach()
                    total = total + loss
            if mode.literal:
                total.backward()
        g_optim.step()
        return mode.read(g=total)

    return Training(2 * n, d_step=d_step, g_step=g_step)


BUILD = {"gan": gan, "dcgan": dcgan, "cgan": cgan, "cgan-conv": cgan_conv, "wgan_gp": wgan_gp,
         "wgan_gp-resnet": wgan_gp, "wgan": wgan_gp, "sngan": sngan, "progan": progan,
         "progan-fading": progan, "stylegan": stylegan, "stylegan2": stylegan2,
         "stylegan2-regularized": stylegan2, "cyclegan": cyclegan,
         "cyclegan-256": cyclegan}


def build(program, words, precision, changes):
    with torch.device(DEVICE):  # only here: it would slow every call of a step
        return BUILD[program](Mode(words, precision), {**PROGRAMS[program].settings, **changes})
