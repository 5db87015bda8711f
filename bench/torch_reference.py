#!/usr/bin/env python3
"""The benchmark's programs in PyTorch, as a PyTorch user would write them at their best.

One process measures one program in one mode and prints one JSON line, with the same fields as the C programs
(bench/README.md). `--list PROGRAM PRECISION` prints the modes that are worth comparing.

A mode is written  loop-layout[-compile][-keepheap]:
  loop     literal   the chapter's loop, line for line
           tuned     the same updates: logits in place of sigmoid + BCELoss, fakes detached, the discriminator's
                     weights frozen while the generator is trained, losses not read back in each step
  layout   nchw      contiguous
           nhwc      torch.channels_last
  compile  compile   torch.compile of the networks; autotune: with mode="max-autotune-no-cudagraphs"
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

KEEP_HEAP = {"MALLOC_TRIM_THRESHOLD_": "17179869184", "MALLOC_MMAP_THRESHOLD_": "17179869184",
             "MALLOC_TOP_PAD_": "67108864"}

MODES = {
    "gan": ["literal-nchw", "tuned-nchw", "tuned-nchw-compile", "tuned-nchw-keepheap"],
    "dcgan": ["literal-nchw", "tuned-nchw", "tuned-nhwc", "tuned-nchw-keepheap", "tuned-nhwc-keepheap",
              "tuned-nchw-compile-keepheap", "tuned-nhwc-compile-keepheap"],
}
MODES["cyclegan"] = MODES["cyclegan-generator"] = MODES["dcgan"]


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", choices=sorted(MODES))
    parser.add_argument("mode", nargs="?", default="tuned-nhwc")
    parser.add_argument("--precision", choices=["f32", "bf16"], default="f32")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--steps", type=int, default=0, help="0: as many as --seconds allow")
    parser.add_argument("--warmup", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--list", action="store_true", help="print the modes of the program, and stop")
    return parser.parse_args()


def status_kb(field):
    with open("/proc/self/status") as lines:
        for line in lines:
            if line.startswith(field + ":"):
                return int(line.split()[1])
    return 0


def main():
    args = parse()
    if args.list:
        print("\n".join(MODES[args.program]))
        return
    if "keepheap" in args.mode and not all(os.environ.get(k) == v for k, v in KEEP_HEAP.items()):
        os.execvpe(sys.executable, [sys.executable] + sys.argv, {**os.environ, **KEEP_HEAP})
    import torch_programs  # importing torch is left out of the memory that a step is charged with

    torch_programs.set_threads(args.threads)
    baseline_kb = status_kb("VmRSS")
    step = torch_programs.build(args.program, args.mode.split("-"), args.precision)

    for _ in range(args.warmup):
        losses = step()
    first = [float(value) for value in losses.values()]
    times = []
    end = time.perf_counter() + args.seconds
    while (len(times) < args.steps) if args.steps else (time.perf_counter() < end or len(times) < 3):
        begin = time.perf_counter()
        losses = step()
        times.append((time.perf_counter() - begin) * 1e3)
    losses = {name: float(value) for name, value in losses.items()}
    if not all(math.isfinite(value) for value in list(losses.values()) + first):
        sys.exit(f"{args.program} {args.mode} {args.precision}: a loss is not finite: {losses}")
    peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    median = statistics.median(times)
    print(json.dumps({
        "program": args.program, "side": "pytorch", "version": torch_programs.version(), "mode": args.mode,
        "precision": args.precision, "threads": args.threads, "steps": len(times), "median_ms": round(median, 4),
        "min_ms": round(min(times), 4), "max_ms": round(max(times), 4),
        "images_per_s": round(torch_programs.IMAGES[args.program] / median * 1e3, 2),
        "rss_peak_mb": round(peak_kb / 1024, 1), "rss_baseline_mb": round(baseline_kb / 1024, 1), "losses": losses}))


if __name__ == "__main__":
    main()
