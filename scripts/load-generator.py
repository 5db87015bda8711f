#!/usr/bin/env python3
"""The generator of a ganhost checkpoint in PyTorch, by name.

    scripts/load-generator.py RUN [--seeds 0-15] [--out images.png]
    scripts/load-generator.py RUN --check [--ganhost build/release/bin/ganhost] [--plugin gan]

Tensors of a checkpoint carry the names that the same torch.nn.Sequential would give them, behind the network's
name: "generator.0.weight" is the weight of its first layer. So a state dict is a selection:

    state = {k.removeprefix("generator."): v for k, v in load_file(checkpoint).items() if k.startswith("generator.")}
    network.load_state_dict(state)

With --check, `ganhost sample` draws the same seeds, and both must agree in every pixel, up to one grey level (a value
may lie on the edge between two). Shown here for the `gan` plugin, whose generator is a multi-layer perceptron;
scripts/python-env makes the environment.
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile

import numpy
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file

from golden_random import philox_normal

LATENTS = 1  # the stream of random numbers that sampling by seed draws from


def newest_checkpoint(run):
    """A run folder's newest checkpoint; a file is taken as it is."""
    path = pathlib.Path(run)
    files = [path] if path.is_file() else sorted(path.glob("checkpoints/*.safetensors"))
    if not files:
        sys.exit(f"load-generator: no checkpoints in {path}")
    return files[-1]


def load(checkpoint):
    """(network, height, width, channels)"""
    tensors = load_file(checkpoint)
    # Sampling uses the moving average where the run kept one.
    prefix = "ema.generator." if any(k.startswith("ema.generator.") for k in tensors) else "generator."
    state = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
    linear = sorted(int(k.split(".")[0]) for k in state if k.endswith(".weight"))
    layers = []
    for i in linear:
        out, fan_in = state[f"{i}.weight"].shape
        layers += [torch.nn.Linear(fan_in, out), torch.nn.Tanh() if i == linear[-1] else torch.nn.ReLU()]
    network = torch.nn.Sequential(*layers)
    network.load_state_dict(state)  # strict: every name and shape must fit
    return network, *(int(tensors[f"host.data.{key}"]) for key in ("height", "width", "channels"))


def sample(checkpoint, seeds):
    """Bytes [n, H, W, C]."""
    network, height, width, channels = load(checkpoint)
    latent = network[0].in_features
    z = numpy.stack([philox_normal(seed, 0, latent, stream=LATENTS) for seed in seeds])
    with torch.no_grad():
        images = network(torch.from_numpy(z)).reshape(len(seeds), height, width, channels)
    return ((images + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).numpy()


def parse_seeds(text):
    seeds = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        seeds += range(int(first), int(last or first) + 1)
    return seeds


def sample_with_ganhost(arguments, checkpoint, seeds, channels):
    with tempfile.TemporaryDirectory() as folder:
        command = [arguments.ganhost, "sample", "--run", arguments.run, "--checkpoint", str(checkpoint), "--seeds",
                   arguments.seeds, "--out", f"{folder}/images", "--quiet"]
        if arguments.plugin:
            command += ["--plugin", arguments.plugin]
        pathlib.Path(folder, "images").mkdir()
        subprocess.run(command, check=True)
        files = sorted(pathlib.Path(folder, "images").glob("*.png"))
        if len(files) != len(seeds):
            sys.exit(f"load-generator: ganhost wrote {len(files)} images for {len(seeds)} seeds")
        mode = "L" if channels == 1 else "RGB"
        return numpy.stack([numpy.asarray(Image.open(f).convert(mode)) for f in files])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", help="a run folder")
    parser.add_argument("--checkpoint", help="this checkpoint instead of the newest")
    parser.add_argument("--seeds", default="0-15")
    parser.add_argument("--out", help="write the images side by side as PNG")
    parser.add_argument("--check", action="store_true", help="compare with `ganhost sample`")
    parser.add_argument("--ganhost", default="ganhost", help="the program (default: from PATH)")
    parser.add_argument("--plugin", help="as for `ganhost sample`")
    arguments = parser.parse_args()
    checkpoint = newest_checkpoint(arguments.checkpoint or arguments.run)
    with safe_open(checkpoint, "numpy") as f:
        plugin = f.metadata()["ganhost.plugin"]
    if plugin != "gan":
        sys.exit(f"load-generator: {checkpoint} is of the plugin '{plugin}'; this script knows the layers of 'gan'")
    seeds = parse_seeds(arguments.seeds)
    images = sample(checkpoint, seeds)
    print(f"{checkpoint}: {len(seeds)} images of {images.shape[2]}x{images.shape[1]}")
    if arguments.out:
        row = numpy.concatenate(list(images), axis=1)
        Image.fromarray(row.squeeze(-1) if row.shape[-1] == 1 else row).save(arguments.out)
    if arguments.check:
        theirs = sample_with_ganhost(arguments, checkpoint, seeds, images.shape[-1]).reshape(images.shape)
        difference = numpy.abs(theirs.astype(int) - images.astype(int))
        print(f"largest difference to ganhost: {difference.max()} of 255, in {(difference > 0).mean():.2%} of the values")
        if difference.max() > 1:
            sys.exit("load-generator: the images differ")


if __name__ == "__main__":
    main()
