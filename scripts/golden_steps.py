"""Golden training steps: what the make-golden-<plugin> scripts share. Each runs its plugin's loop in PyTorch in float64;
tests/steps/golden.c runs the compiled plugin and compares.

Everything random comes from ganhost's Philox (golden_random.py), so that a gan_context with the same seed draws the
same numbers. Each seed is one sequence of draws:
    WEIGHTS   the parameters of the networks, in the order in which they are added: uniform in [-b, b), b the power of
              two next to 1/sqrt(fan_in), a bias as the weight before it; 1 is added to the weight of a norm
    IMAGES    per discriminator update, [batch, side, side, channels] uniform in [-1, 1); of two domains, first those of A
    LABELS    per discriminator update, [batch] in [0, classes)
    NOISE     what the plugin draws itself, in its order

A file tests/golden/<plugin>/<case>.safetensors holds, under the names of a checkpoint,
    initial.<name>       values before the first step; not of large networks, whose weights the test draws too
    metric.<name>        every value reported under a metric's name, in order
    after<i>.<name>      parameters, running statistics, optimizers' moments and other state after whole step i; of large
                         networks only some elements, those at index.<name>
    sample.images        samples of seeds 0 to n - 1 and of classes i mod classes, in evaluation mode after the last step
    translated.ab, .ba   in place of samples, of plugins that have none: the next images of A and of B, translated
and in its metadata the data's shape, the plugin's options, d_steps, how often D is updated in each whole step, and, of
networks that grow, kimg of each whole step.
"""
import argparse
import math
import pathlib
import sys

import numpy
import torch
from safetensors.numpy import load_file, save_file

from golden_random import philox_integer, philox_normal, philox_uniform

ROOT = pathlib.Path(__file__).resolve().parent.parent
WEIGHTS, IMAGES, NOISE, LABELS = 11, 12, 13, 14
LATENT_STREAM = 1  # of gan_randn_of_seeds
SAMPLED = 48
NORMS = (torch.nn.modules.batchnorm._BatchNorm, torch.nn.LayerNorm, torch.nn.InstanceNorm2d)


def double(array):
    return torch.from_numpy(numpy.asarray(array, numpy.float64))


class Draws:
    """Draws one after the other, as a gan_context with this seed makes them; torch tensors, float64 or int64."""

    def __init__(self, seed):
        self.seed, self.counter = seed, 0

    def _take(self, draw, shape):
        n = math.prod(shape)
        values = draw(self.seed, self.counter, n).reshape(shape)
        self.counter += (n + 3) // 4
        return values

    def uniform(self, *shape, low=0.0, high=1.0):
        """Exact in f32 if high - low is a power of two and low a multiple of half of it."""
        return double(self._take(philox_uniform, shape) * numpy.float32(high - low) + numpy.float32(low))

    def normal(self, *shape):
        return double(self._take(philox_normal, shape))

    def integers(self, n, high):
        return torch.from_numpy(self._take(lambda *at: philox_integer(*at, high), (n,)).astype(numpy.int64))

    def dropout(self, x, p):
        """gan_dropout in training."""
        if p == 0:
            return x
        kept = self._take(philox_uniform, tuple(x.shape)) >= numpy.float32(p)
        return x * double(kept) / (1 - p)


def latents(n, width):
    """Of seeds 0 to n - 1, as gan_randn_of_seeds."""
    return double(numpy.stack([philox_normal(seed, 0, width, LATENT_STREAM) for seed in range(n)]))


def nchw(images):
    return images.permute(0, 3, 1, 2)


def nhwc(images):
    return images.permute(0, 2, 3, 1)


def draw_parameters(network, draws):
    bound = 1.0
    for module in network.modules():
        for name, parameter in module.named_parameters(recurse=False):
            if parameter.ndim > 1:
                bound = 2.0 ** round(math.log2(1 / math.sqrt(parameter[0].numel())))
            with torch.no_grad():
                parameter.copy_(draws.uniform(*parameter.shape, low=-bound, high=bound))
                if isinstance(module, NORMS) and name == "weight":
                    parameter.add_(1.0)


def draw_equalized(network, draws):
    """Of a network with equalized learning rates: weights from N(0, 1), over the module's lr_multiplier if it has one;
    vectors and numbers from [-1/2, 1/2), 1 being added where the module says so in `ones`; noise from N(0, 1)."""
    for module in network.modules():
        scale = getattr(module, "lr_multiplier", 1.0)
        with torch.no_grad():
            for name, parameter in module.named_parameters(recurse=False):
                matrix = parameter.ndim > 1
                parameter.copy_(draws.normal(*parameter.shape) / scale if matrix else
                                draws.uniform(*parameter.shape, low=-0.5, high=0.5) + (name in getattr(module, "ones", ())))
            for name, buffer in module.named_buffers(recurse=False):
                buffer.copy_(draws.normal(*buffer.shape) if name == "noise" else buffer)


class Golden:
    """One case while it runs: draws, networks and optimizers under the names that the plugin registers them with, and
    what goes into the file."""

    def __init__(self, options, side, batch, channels=1, classes=0, d_steps=(1, 1, 1), large=False, kimg=None):
        """kimg: thousands of images before each whole step, the last for all further ones."""
        self.options, self.batch, self.d_steps, self.large = options, batch, d_steps, large
        self.kimg = kimg
        self.side, self.channels, self.classes = side, channels, classes
        self.noise, self._weights, self._images, self._labels = map(Draws, (NOISE, WEIGHTS, IMAGES, LABELS))
        self._networks, self._optimizers, self._state = {}, {}, {}
        self._values, self._metrics = {}, {}

    def option(self, name, default=None):
        return self.options.get(name, default)

    # ---- before the first step ----

    def network(self, name, network, gain=1.0, draw=draw_parameters):
        """Register a network and draw its parameters. Its state_dict has the names of the plugin's. A gain multiplies
        the weights (not of large networks, which the test draws itself)."""
        network.double()
        draw(network, self._weights)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.mul_(gain if parameter.ndim > 1 else 1.0)
        self._networks[name] = network
        if not self.large:
            for key, tensor in network.state_dict().items():
                self._put("initial", f"{name}.{key}", tensor)
        return network

    def optimizer(self, name, optimizer, *networks):
        """Register torch.optim.Adam or RMSprop over all parameters of these networks."""
        self._optimizers[name] = (optimizer, networks)
        return optimizer

    def state(self, name, value):
        """Further state of the model (gan_model_tensor, gan_model_number): a function that gives it."""
        self._state[name] = value

    # ---- steps ----

    def images(self, batch=None, side=None):
        """The next batch, [batch, side, side, channels]."""
        side = side or self.side
        return self._images.uniform(batch or self.batch, side, side, self.channels, low=-1.0, high=1.0)

    def labels(self):
        return self._labels.integers(self.batch, self.classes)

    def metric(self, name, value):
        self._metrics.setdefault(f"metric.{name}", []).append(getattr(value, "item", lambda: value)())

    def after(self, step):
        """Record the whole state; steps count from 1."""
        for name, network in self._networks.items():
            for key, tensor in network.state_dict().items():
                self._put(f"after{step}", f"{name}.{key}", tensor)
        for name, (optimizer, networks) in self._optimizers.items():
            self._put_optimizer(f"after{step}", name, optimizer, networks)
        for name, value in self._state.items():
            self._put(f"after{step}", name, value())

    def sample(self, images):
        self._values["sample.images"] = images.detach().numpy().astype(numpy.float32, order="C")

    def translated(self, ab, ba):
        for name, images in (("ab", ab), ("ba", ba)):
            self._values[f"translated.{name}"] = images.detach().numpy().astype(numpy.float32, order="C")

    # ---- the file ----

    def _put_optimizer(self, prefix, name, optimizer, networks):
        steps = 0
        for i, network in enumerate(networks):
            for key, parameter in network.named_parameters():
                full = f"{i}.{key}" if i else key
                state = optimizer.state[parameter]
                steps = max(steps, int(state.get("step", 0)))
                for moment, tensor in self._moments(optimizer, parameter, state).items():
                    self._put(prefix, f"{name}.{moment}.{full}", tensor)
        self._values[f"{prefix}.{name}.step"] = numpy.array(steps, numpy.int32)

    @staticmethod
    def _moments(optimizer, parameter, state):
        names = {torch.optim.Adam: ("exp_avg", "exp_avg_sq"), torch.optim.RMSprop: ("square_avg",)}[type(optimizer)]
        return {name: state.get(name, torch.zeros_like(parameter)) for name in names}

    def _put(self, prefix, name, value):
        if name.endswith("num_batches_tracked"):
            return
        if isinstance(value, float):  # a gan_model_number
            self._values[f"{prefix}.{name}"] = numpy.array(value, numpy.float64)
            return
        flat = value.detach().numpy().astype(numpy.float32)
        if self.large and flat.size > SAMPLED:
            index = (numpy.arange(SAMPLED, dtype=numpy.int64) * 2654435761 % flat.size).astype(numpy.int32)
            self._values[f"index.{name}"] = index
            flat = flat.reshape(-1)[index]
        self._values[f"{prefix}.{name}"] = flat.copy()

    def values(self):
        return {**self._values, **{key: numpy.array(v, numpy.float64) for key, v in self._metrics.items()}}

    def text(self):
        def plain(value):
            if isinstance(value, bool):
                return str(value).lower()
            return str(list(value)) if isinstance(value, tuple) else str(value)
        text = {f"option.{key}": plain(value) for key, value in self.options.items()}
        text |= {key: str(getattr(self, key)) for key in ("side", "channels", "classes", "batch")}
        if self.kimg is not None:
            text["kimg"] = ",".join(map(str, self.kimg))
        return text | {"d_steps": ",".join(map(str, self.d_steps)), "torch": torch.__version__.split("+")[0],
                       "seeds": f"weights {WEIGHTS}, images {IMAGES}, noise {NOISE}, labels {LABELS}"}


def compare(path, values, script):
    if not path.exists() or (stored := load_file(path)).keys() != values.keys():
        sys.exit(f"{script}: {path.name} is not there or holds other tensors; run scripts/{script}")
    worst = max(float(numpy.abs(stored[key].astype(numpy.float64) - v).max()) for key, v in values.items())
    if worst > 1e-6:
        sys.exit(f"{script}: {path.name} differs from what is computed, by {worst:.2g}")
    print(f"{path.name}: agrees")


def main(plugin, cases, run, doc):
    """The command line of a script: `cases` maps names to arguments of Golden, `run` does all steps of one."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare with the stored files instead of writing them")
    check = parser.parse_args().check
    script, folder = f"make-golden-{plugin}", ROOT / "tests/golden" / plugin
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    for name, arguments in cases.items():
        golden, path = Golden(**arguments), folder / f"{name}.safetensors"
        run(golden)
        if check:
            compare(path, golden.values(), script)
            continue
        save_file(golden.values(), path, golden.text() | {"made.by": f"scripts/{script}"})
        path.chmod(0o644)
        print(f"{path.relative_to(ROOT)}: {path.stat().st_size} bytes")
