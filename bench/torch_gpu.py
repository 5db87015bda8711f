#!/usr/bin/env python3
"""The benchmark's programs in PyTorch on a CUDA device: every mode that is named, in one process, a JSON line for each.

    torch_gpu.py --seconds S --deadline S PROGRAM:PRECISION:MODE...

The words of a mode are torch_reference.py's, and `graphs`: the whole iteration captured by torch.cuda.graph. Before every
run the flags of matmul and cuDNN are set for its precision: TF32 in tf32 and bf16, not in f32. A run that fails gives a
line with its error. Nothing is begun --deadline seconds after the start; those runs give no line. Exit status 3: the
device is lost, and the words that gave no line want another process. --device cpu tries this script out.
"""
import argparse
import json
import math
import statistics
import sys
import time

import torch

import torch_programs


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", metavar="PROGRAM:PRECISION:MODE")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--seconds", type=float, default=0.6)
    parser.add_argument("--deadline", type=float, default=1e9)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of programs.py")
    return parser.parse_args()


def wait(device):
    if device == "cuda":
        torch.cuda.synchronize()


def iteration_of(training, losses):
    def iterate():
        for _, run, times in training.phases:
            for _ in range(times):
                losses.update(run())
    return iterate


def captured(iterate):
    """The iteration as one graph. PyTorch asks for a warm-up on another stream."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            iterate()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        iterate()
    return graph.replay


def block(iterate, n, device):
    """Milliseconds of each of `n` iterations that are enqueued without a pause."""
    wait(device)
    begin = time.perf_counter()
    for _ in range(n):
        iterate()
    wait(device)
    return (time.perf_counter() - begin) * 1e3 / n


def time_iterations(iterate, device, seconds):
    for _ in range(3):
        iterate()
    n = max(1, min(10000, int(seconds * 100 / block(iterate, 3, device))))
    end = time.perf_counter() + seconds
    ms = []
    while len(ms) < 2 or time.perf_counter() < end:
        ms.append(block(iterate, n, device))
    return {"median_ms": statistics.median(ms), "min_ms": min(ms), "max_ms": max(ms)}


def time_phases(training, device, seconds):
    """Each run of a phase by itself, waited for."""
    ms, end = {}, time.perf_counter() + seconds
    while not ms or time.perf_counter() < end:
        for name, run, times in training.phases:
            for _ in range(times):
                ms.setdefault(name, []).append(block(run, 1, device))
    return {name: {"median_ms": statistics.median(of), "min_ms": min(of), "max_ms": max(of)} for name, of in ms.items()}


def measure(args, program, precision, mode, changes):
    torch.manual_seed(1)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision != "f32"
    torch.backends.cudnn.benchmark = True
    words, losses = mode.split("-"), {}
    training = torch_programs.build(program, words, precision, changes)
    iterate = iteration_of(training, losses)
    if "graphs" in words:
        iterate = captured(iterate)
    phases = {"iteration": time_iterations(iterate, args.device, args.seconds)}
    if "graphs" not in words and len(training.phases) > 1:
        phases.update(time_phases(training, args.device, args.seconds / 4))
    values = {name: float(value) for name, value in losses.items()}
    if not all(math.isfinite(value) for value in values.values()):
        raise RuntimeError(f"a loss is not finite: {values}")
    return {"phases": phases, "losses": values, "images_per_s": training.images / phases["iteration"]["median_ms"] * 1e3}


def main():
    args = parse()
    begin = time.monotonic()
    if args.device == "cuda" and not torch.cuda.is_available():
        sys.exit("PyTorch finds no CUDA device")
    torch_programs.use_device(args.device)
    changes = {name: int(value) if value.isdigit() else value for name, value in (word.split("=", 1) for word in args.set)}
    for word in args.runs:
        if time.monotonic() - begin > args.deadline:
            break
        program, precision, mode = word.split(":")
        line = {"run": word, "program": program, "precision": precision, "mode": mode, "side": "pytorch",
                "version": torch_programs.version()}
        try:
            line.update(measure(args, program, precision, mode, changes))
        except Exception as error:  # whatever PyTorch raises: the other modes are still wanted
            line["error"] = f"{type(error).__name__}: {error}".splitlines()[0][:300]
        line["took_s"] = round(time.monotonic() - begin, 1)
        print(json.dumps(line), flush=True)
        torch._dynamo.reset()
        try:
            wait(args.device)
            if args.device == "cuda":
                torch.cuda.empty_cache()
        except RuntimeError:
            sys.exit(3)


if __name__ == "__main__":
    main()
