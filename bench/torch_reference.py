#!/usr/bin/env python3
"""The benchmark's programs in PyTorch, as a PyTorch user would write them at their best.

One process measures one program in one mode and prints one JSON line, with the same fields as the C programs
(bench/README.md). `PROGRAM --list all` prints the modes that are worth comparing.

A mode is written  loop-layout[-compile][-keepheap]:
  loop     literal   the chapter's loop, line for line
           tuned     the same updates: logits in place of sigmoid + BCELoss, fakes detached, the discriminator's
                     weights frozen while the generator is trained, losses not read back in each step
           batched   tuned, and what a generator of two domains translates there and back goes through it together
  layout   nchw      contiguous
           nhwc      torch.channels_last
  compile  compile   torch.compile of the networks; autotune: with mode="max-autotune-no-cudagraphs". A gradient penalty's
                     pass is not compiled: torch.compile has no second derivatives
  keepheap           glibc keeps freed memory instead of giving it back (MALLOC_TRIM_THRESHOLD_, set by this script
                     for itself): what users of other allocators gain, without one
All modes use in-place activations, fused Adam and zero_grad(set_to_none=True).
"""
import argparse
import json
import math
import os
import resource
import statistics
import sys
import time

from programs import PROGRAMS

KEEP_HEAP = {"MALLOC_TRIM_THRESHOLD_": "17179869184", "MALLOC_MMAP_THRESHOLD_": "17179869184",
             "MALLOC_TOP_PAD_": "67108864"}

# The modes that are fastest on the machines where all were tried; then the others.
LIKELY = {True: ["tuned-nchw-keepheap", "tuned-nhwc-keepheap", "tuned-nhwc-compile-keepheap"],
          False: ["tuned-nchw", "tuned-nchw-keepheap", "tuned-nchw-compile"]}
OTHERS = {True: ["literal-nchw", "tuned-nchw", "tuned-nhwc", "tuned-nchw-compile-keepheap"], False: ["literal-nchw"]}


def modes(program, which):
    kind = PROGRAMS[program].convolutional
    likely = [mode.replace("tuned", loop) for loop in PROGRAMS[program].loops for mode in LIKELY[kind]]
    return likely + (OTHERS[kind] if which == "all" else [])


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", choices=sorted(PROGRAMS))
    parser.add_argument("mode", nargs="?", default="tuned-nhwc")
    parser.add_argument("--precision", choices=["f32", "bf16"], default="f32")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--steps", type=int, default=0, help="0: as many as --seconds allow")
    parser.add_argument("--warmup", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of programs.py")
    parser.add_argument("--list", choices=["likely", "all"], help="print the modes of the program, and stop")
    return parser.parse_args()


def status_kb(field):
    with open("/proc/self/status") as lines:
        for line in lines:
            if line.startswith(field + ":"):
                return int(line.split()[1])
    return 0


class Clock:
    """Runs iterations, and takes the time of each phase and of the whole."""

    def __init__(self, training):
        self.training, self.losses = training, {}
        self.forget()

    def forget(self):
        self.ms = {"iteration": []}

    def iterate(self):
        start = time.perf_counter()
        for name, run, times in self.training.phases:
            for _ in range(times):
                begin = time.perf_counter()
                self.losses.update(run())
                if name != "iteration":
                    self.ms.setdefault(name, []).append((time.perf_counter() - begin) * 1e3)
        self.ms["iteration"].append((time.perf_counter() - start) * 1e3)

    def figures(self):
        return {name: {"median_ms": round(statistics.median(ms), 4), "min_ms": round(min(ms), 4),
                       "max_ms": round(max(ms), 4)} for name, ms in self.ms.items()}


def main():
    args = parse()
    if args.list:
        print("\n".join(modes(args.program, args.list)))
        return
    if "keepheap" in args.mode and not all(os.environ.get(k) == v for k, v in KEEP_HEAP.items()):
        os.execvpe(sys.executable, [sys.executable] + sys.argv, {**os.environ, **KEEP_HEAP})
    import torch_programs  # importing torch is left out of the memory that a step is charged with

    torch_programs.set_threads(args.threads)
    baseline_kb = status_kb("VmRSS")
    changes = {name: int(value) if value.isdigit() else value for name, value in (word.split("=", 1) for word in args.set)}
    training = torch_programs.build(args.program, args.mode.split("-"), args.precision, changes)
    clock = Clock(training)
    for _ in range(args.warmup):
        clock.iterate()
    clock.forget()
    end = time.perf_counter() + args.seconds
    steps = 0
    while steps < args.steps if args.steps else steps < 2 or time.perf_counter() < end:
        clock.iterate()
        steps += 1
    peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    losses = {name: float(value) for name, value in clock.losses.items()}
    if not all(math.isfinite(value) for value in losses.values()):
        sys.exit(f"{args.program} {args.mode} {args.precision}: a loss is not finite: {losses}")
    phases = clock.figures()
    for name, gflop in {} if "compile" in args.mode else torch_programs.count(training).items():
        phases[name]["gflop"] = gflop
    print(json.dumps({
        "program": args.program, "side": "pytorch", "version": torch_programs.version(), "mode": args.mode,
        "precision": args.precision, "threads": args.threads,
        "images_per_s": round(training.images / phases["iteration"]["median_ms"] * 1e3, 2), "phases": phases,
        "rss_peak_mb": round(peak_kb / 1024, 1), "rss_baseline_mb": round(baseline_kb / 1024, 1), "losses": losses}))


if __name__ == "__main__":
    main()
