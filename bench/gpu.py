#!/usr/bin/env python3
"""Training steps and kernels on a CUDA device, beside PyTorch on the same one: figures and a report in Markdown.

    gpu.py --folder FOLDER --out OUT [--parts FILE] [--seconds S] [--deadline S] [--small] [--no-torch]

FOLDER holds bin/ and lib/ganhost/plugins/. The report, OUT/report.md, is written anew after every figure, so that it is
there whenever time ends. --parts is a file that it begins with; --small takes tiny sizes, whose figures mean nothing. Exit
status 1: one of our programs failed. scripts/gpu-check calls this script with the environment that the programs need.
"""
import argparse
import datetime
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from programs import PROGRAMS
from tables import cell, table

HERE = Path(__file__).resolve().parent
# The programs in the order of their worth, should time end before all have been run.
ORDER = ["gan", "dcgan", "stylegan2", "sngan", "progan", "wgan_gp", "stylegan", "stylegan2-regularized", "cgan",
         "wgan_gp-resnet", "cgan-conv", "wgan", "cyclegan", "cyclegan-256"]
PRECISIONS = ["bf16", "tf32", "f32"]
SMALL = {"train.batch": 2, "train.d_steps": 1}
SMALL_OF = {"gan": {"data.resolution": 8, "g_widths": "[8, 8]", "d_widths": "[8, 8]"}}
QUICK_MODES = {True: ["tuned-nchw", "tuned-nhwc", "tuned-nhwc-graphs"], False: ["literal-nchw", "tuned-nchw", "tuned-nchw-graphs"]}
COMPILED_MODES = {True: ["tuned-nhwc-compile-graphs", "tuned-nhwc-compile"],
                  False: ["tuned-nchw-compile-graphs", "tuned-nchw-compile"]}


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--parts", type=Path)
    parser.add_argument("--seconds", type=float, default=0.6, help="for each figure (default: %(default)s)")
    parser.add_argument("--deadline", type=float, default=360, help="seconds for everything (default: %(default)s)")
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--no-torch", action="store_true")
    return parser.parse_args()


def modes_of(program, modes):
    """With each of the program's loops in the place of the tuned one."""
    known = PROGRAMS[program]
    return list(dict.fromkeys(mode.replace("tuned", loop) for loop in known.loops for mode in modes[known.convolutional]))


class Gpu:
    def __init__(self, args):
        self.args, self.end = args, time.monotonic() + args.deadline
        self.ours, self.torch, self.kernels, self.failures = {}, [], [], []
        self.programs = ["gan"] if args.small else ORDER
        self.precisions = ["f32"] if args.small else PRECISIONS

    def left(self):
        return self.end - time.monotonic()

    def output(self, command, limit):
        """What a program of ours printed; "" and a failure if it failed."""
        words = [str(word) for word in command]
        if self.left() < 3:
            self.failures.append(f"{' '.join(words[1:])}: no time was left")
            return ""
        name = Path(words[0]).name
        try:
            done = subprocess.run(words, capture_output=True, text=True, timeout=min(limit, self.left()))
        except subprocess.TimeoutExpired:
            self.fail(name, words, "the time limit was passed")
            return ""
        with open(self.args.out / "programs.log", "a") as log:
            log.write(f"$ {' '.join(words)}\n{done.stdout}{done.stderr}\n")
        if done.returncode != 0:
            self.fail(name, words, (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1])
            return ""
        return done.stdout

    def fail(self, name, words, why):
        self.failures.append(f"{name} {' '.join(words[1:])}: {why}")
        print(f"  FAIL {self.failures[-1]}", flush=True)

    # ---- measuring ----

    def steps(self):
        for program in self.programs:
            for precision in self.precisions:
                changes = {**SMALL, **SMALL_OF[program]} if self.args.small else {}
                executable, *words = PROGRAMS[program].command(changes)
                seconds = ["--steps", 1, "--seconds", 0.01] if self.args.small else ["--seconds", self.args.seconds]
                out = self.output([self.args.folder / "bin" / executable, *words, "--device", "cuda", "--precision",
                                   precision, "--warmup", 8, *seconds], 60)
                if out:
                    self.ours[program, precision] = run = json.loads(out.strip().splitlines()[-1])
                    print(f"  {program} {precision}: {ms_of(run):.3f} ms, {run['graphs']} recorded steps", flush=True)
                    if run["graphs"] == 0:
                        self.fail(program, [precision], "no step was recorded")
                self.write()

    def kernel_rates(self):
        for precision in self.precisions:
            small = ["map add f32", "0.001", "--small"] if self.args.small else ["", "0.05"]
            out = self.output([self.args.folder / "bin/bench_kernels", *small, "--device", "cuda", "--precision",
                               precision], 60)
            lines = out.splitlines()
            self.kernels.append((precision, lines[1] if len(lines) > 1 else "failed", lines[3:]))
            self.write()

    def pytorch(self):
        wanted = [f"{program}:{precision}:{mode}" for modes in (QUICK_MODES, COMPILED_MODES) for program in self.programs
                  for precision in self.precisions for mode in modes_of(program, modes)]
        starts = 0
        while wanted and self.left() > 15 and starts < 6:
            starts += 1
            command = [sys.executable, str(HERE / "torch_gpu.py"), "--seconds", str(self.args.seconds), "--deadline",
                       str(self.left() - 15), *wanted]
            with open(self.args.out / "torch.log", "a") as log:
                child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment_of_torch())
                try:
                    lines = child.communicate(timeout=self.left())[0]
                except subprocess.TimeoutExpired:
                    child.kill()
                    lines = child.communicate()[0]
            runs = [json.loads(line) for line in (lines or "").splitlines() if line.startswith("{")]
            self.torch += runs
            self.write()
            done = {run["run"] for run in runs}
            wanted = [word for word in wanted if word not in done]
            if child.returncode == 0:
                return
            if not runs:
                print(f"  PyTorch ended with status {child.returncode}: see torch.log", flush=True)
                wanted = wanted[1:] if self.torch else []  # the first of them ends the process, or there is no PyTorch

    # ---- the report ----

    def rows_of_steps(self):
        rows = [["program", "precision", "ganhost ms", "d_step ms", "g_step ms", "PyTorch ms", "its mode", "PyTorch / ganhost",
                 "eager ms", "eager / ganhost", "graphs ms", "graphs / ganhost", "TFLOP/s"]]
        for (program, precision), ours in self.ours.items():
            runs = [run for run in self.torch if (run["program"], run["precision"]) == (program, precision)
                    and "phases" in run]
            ms, phases = ms_of(ours), ours["phases"]
            best = min(runs, key=ms_of, default=None)
            eager = least(run for run in runs if "compile" not in run["mode"] and "graphs" not in run["mode"])
            graphs = least(run for run in runs if "graphs" in run["mode"])
            ratio = lambda other: cell(other and other / ms)
            rows.append([program, precision, cell(ms, 3), *(cell(phases.get(name, {}).get("median_ms"), 3)
                                                            for name in ("d_step", "g_step")),
                         cell(best and ms_of(best), 3), best["mode"] if best else "-", ratio(best and ms_of(best)),
                         cell(eager, 3), ratio(eager), cell(graphs, 3), ratio(graphs),
                         cell(phases["iteration"]["gflop"] / ms, 1)])
        return rows

    def rows_of_modes(self):
        rows = [["program", "precision", "mode", "iteration ms", "least ms", "d_step ms", "g_step ms", "losses"]]
        for run in list(self.ours.values()) + self.torch:
            if "error" in run:
                rows.append([run["program"], run["precision"], run["mode"], "failed: " + run["error"].replace("|", "/"),
                             "-", "-", "-", "-"])
                continue
            name = f"ganhost, {run['graphs']} recorded" if run["side"] == "ganhost" else run["mode"]
            losses = ", ".join(f"{key} {value:.3g}" for key, value in run["losses"].items())
            times = [run["phases"].get(phase, {}).get("median_ms") for phase in ("d_step", "g_step")]
            rows.append([run["program"], run["precision"], name, cell(ms_of(run), 3),
                         cell(run["phases"]["iteration"]["min_ms"], 3), *(cell(ms, 3) for ms in times), losses])
        return rows

    def text(self):
        device = next((run["device"] for run in self.ours.values()), "-")
        version = next((run["version"] for run in self.ours.values()), "-")
        torch = next((run["version"] for run in self.torch), "not measured")
        parts = self.args.parts.read_text() if self.args.parts and self.args.parts.exists() else ""
        settings = [["program", "settings"]] + [[name, " ".join(PROGRAMS[name].command({}))] for name in self.programs]
        small = "**Tiny sizes on an emulated device, to try the scripts out: no figure here means anything.**\n" \
            if self.args.small else ""
        kernels = "\n".join(f"### {precision}\n\n{peaks}\n\n```\n" + "\n".join(lines) + "\n```\n"
                            for precision, peaks, lines in self.kernels)
        failures = "\n".join(f"- {line}" for line in self.failures) or "None."
        return f"""# On a GPU, {datetime.date.today().isoformat()}, {device}
{small}
ganhost {version}; PyTorch {torch}; {self.args.seconds:g} s for each figure. Command: `scripts/gpu-check {os.environ.get('GPU_CHECK_ARGUMENTS', '')}`

{parts}
## Training steps

Milliseconds of a whole iteration (the d_steps of its program and one g_step) of many that were enqueued between two
synchronisations, medians of such blocks. d_step and g_step by themselves are each waited for, and cost more than their share.
PyTorch is the fastest of its modes that were tried; "eager" and "graphs" are its fastest without compiling and capturing, and
its fastest captured. Reading "/ ganhost": above 1, ganhost is faster.

{table(self.rows_of_steps())}

{table(settings)}

## Kernels

GB/s of compulsory traffic, and the share of the rate of a device-to-device copy of 1 GiB; GFLOP/s, and the share of what a
product of 8192 x 8192 x 8192 in the same precision reaches here.

{kernels}
## All modes

{table(self.rows_of_modes())}

## Benchmarks that failed

{failures}
"""

    def write(self):
        (self.args.out / "report.md").write_text(self.text())


def environment_of_torch():
    """PyTorch brings its own libraries."""
    saved = os.environ.get("GPU_CHECK_LD_LIBRARY_PATH", "")
    return {**os.environ, "LD_LIBRARY_PATH": saved}


def ms_of(run):
    return run["phases"]["iteration"]["median_ms"]


def least(runs):
    return min((ms_of(run) for run in runs), default=None)


def main():
    args = parse()
    gpu = Gpu(args)
    gpu.write()
    gpu.steps()
    gpu.kernel_rates()
    if not args.no_torch:
        gpu.pytorch()
    gpu.write()
    sys.exit(1 if gpu.failures else 0)


if __name__ == "__main__":
    main()
