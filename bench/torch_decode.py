#!/usr/bin/env python3
"""Decoding of image files beside PyTorch's loader with Pillow: images per second and thread.

    bench/torch_decode.py [--build DIR] [--data FOLDER] [--threads N] [--seconds S] [--rounds N]

Without --data it makes its own files: 100 pictures each as PNG and JPEG, of 128x128 and 256x256. With it, the .png and
.jpg files directly in that folder are read. Each is decoded, made RGB and scaled to 64x64 with a bilinear filter, by
bench/decode.c and by a torch DataLoader whose workers use Pillow. Both take turns. Times are those of the threads' and
the workers' processors, so that a busy machine falls on neither; --wall counts the clock instead. What PyTorch's main
process does with the batches is not counted.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

SIDE, BATCH, PICTURES = 64, 64, 100


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build", help="CMake build folder (default: %(default)s)")
    parser.add_argument("--data", help="a folder of images (default: makes its own)")
    parser.add_argument("--threads", type=int, default=1, help="ours, and PyTorch's workers (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=3, help="of each turn (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each side (default: %(default)s)")
    parser.add_argument("--wall", action="store_true", help="count the clock's time, not the processors'")
    return parser.parse_args()


def picture(rng, side):
    """Noise of every size, like a photograph's, and a little grain."""
    total = np.zeros((side, side, 3))
    for octave in range(1, 7):
        cells = 2**octave
        noise = Image.fromarray(rng.integers(0, 256, (cells, cells, 3), dtype=np.uint8))
        total += np.asarray(noise.resize((side, side), Image.Resampling.BICUBIC), float) / 2**octave
    return Image.fromarray(np.clip(total + rng.normal(0, 2, total.shape), 0, 255).astype(np.uint8))


def make(folder):
    """Folders of files by what they are called in the table."""
    made, rng = {}, np.random.default_rng(0)
    for side in (128, 256):
        pictures = [picture(rng, side) for _ in range(PICTURES)]
        for kind, ending, options in (("PNG", "png", {}), ("JPEG", "jpg", {"quality": 90})):
            place = Path(folder) / f"{ending}-{side}"
            place.mkdir()
            for i, image in enumerate(pictures):
                image.save(place / f"{i:03}.{ending}", **options)
            made[f"{kind} {side}x{side}"] = place
    return made


def ours(args, folder):
    command = [Path(args.build) / "bin/bench_decode", "--data", folder, "--threads", args.threads, "--seconds",
               args.seconds] + ([] if args.wall else ["--cpu-time"])
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{command[0]}: {done.stderr.strip()}")
    return json.loads(done.stdout)["per_thread"]


class Files(torch.utils.data.IterableDataset):
    """Endless; each sample comes with its worker's number and its clock when the sample was done."""

    def __init__(self, folder, wall):
        self.paths = sorted(path for path in Path(folder).iterdir() if path.suffix in (".png", ".jpg"))
        self.clock = time.monotonic if wall else time.process_time

    def __iter__(self):
        worker = torch.utils.data.get_worker_info().id
        while True:
            for path in self.paths:
                image = Image.open(path).convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
                yield torch.from_numpy(np.array(image)), worker, self.clock()


def theirs(args, folder):
    """Images per second of each worker, from its second batch on."""
    loader = torch.utils.data.DataLoader(Files(folder, args.wall), batch_size=BATCH, num_workers=args.threads)
    first, last, count = {}, {}, {}
    start = None
    for _, workers, clocks in loader:
        worker, clock = int(workers[0]), float(clocks[-1])
        first.setdefault(worker, clock)
        count[worker] = count.get(worker, -BATCH) + BATCH
        last[worker] = clock
        start = start or time.monotonic()
        if time.monotonic() - start > args.seconds:
            break
    return statistics.mean(count[worker] / (last[worker] - first[worker]) for worker in count if count[worker] > 0)


def main():
    args = parse()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        places = {Path(args.data).name: Path(args.data)} if args.data else make(folder)
        print(f"Images per second and thread, decoded and scaled to {SIDE}x{SIDE}; {args.threads} of {os.cpu_count()} "
              f"cores; PyTorch {torch.__version__}, Pillow {Image.__version__}\n")
        print("| files | ganhost | PyTorch's loader with Pillow | ratio |\n|---|---|---|---|")
        for name, place in places.items():
            turns = [(ours(args, place), theirs(args, place)) for _ in range(args.rounds)]
            we, they = (statistics.median(side) for side in zip(*turns))
            print(f"| {name} | {we:.0f} | {they:.0f} | {we / they:.2f} |", flush=True)


if __name__ == "__main__":
    main()
