#!/usr/bin/env bash
# What a run leaves behind, and what it says.
# shellcheck source=harness.sh
. "$(dirname "$0")/harness.sh"

ganhost "${TINY[@]}" --set train.kimg=2 --set train.snapshot_kimg=1 --set train.checkpoint_kimg=0.5 --set train.report_kimg=0.25
check "a run ends well" [ "$STATUS" = 0 ]
check "standard output is left alone" [ ! -s out.txt ]
expect 0 "run     runs/00000-tiny-ring8"
expect 0 "kimg 1.0 of 2"
expect 0 "samples     runs/00000-tiny-ring8/fakes000002.png"
check "no progress bar where there is no terminal" sh -c "! grep -q -e '\[=' -e \"\$(printf '\r')\" err.txt"
run=runs/00000-tiny-ring8
for file in config.yaml log.txt stats.jsonl reals.png losses.png fakes000000.png fakes000001.png fakes000002.png; do
    check "$file is there" [ -s $run/$file ]
done
for file in "$run"/*.png; do
    check "$file is a PNG" sh -c "head -c 8 $file | od -An -tx1 | grep -q '89 50 4e 47 0d 0a 1a 0a'"
done
check "the newest checkpoints are kept" [ "$(ls $run/checkpoints | tr '\n' ' ')" = "000001.safetensors 000001_500.safetensors 000002.safetensors " ]
check "no temporary file is left" [ -z "$(find runs -name '*.tmp*')" ]
check "a line for each report" [ "$(wc -l < $run/stats.jsonl)" = 8 ]
check "the log holds the milestones" grep -q "kimg 1.0 of 2" $run/log.txt
check "the log tells of checkpoints" grep -q "checkpoint $run/checkpoints/000002.safetensors" $run/log.txt
check "lines are JSON with all that was measured" grep -Eqx '\{"kimg": 0\.256, "step": 16, "seconds": [0-9.]+, "images_per_second": [0-9.e+]+, "lr": 0\.001[0-9]*, "memory_peak": [0-9]+, "metrics": \{"d_loss": [0-9.e-]+, "g \\"loss\\"": [0-9.e-]+\}\}' $run/stats.jsonl

ganhost "${TINY[@]}" --set train.kimg=0.1 --quiet
check "--quiet is quiet" [ ! -s err.txt ]
check "runs are numbered" [ -d runs/00001-tiny-ring8 ]
mkdir runs/00041-something
ganhost "${TINY[@]}" --set train.kimg=0.1 --set name=mine --out runs
check "after the highest, with a name" [ -d runs/00042-mine ]
ganhost "${TINY[@]}" --set train.kimg=0.1 --out new/folders/here
check "folders are made" [ -d new/folders/here/00000-tiny-ring8 ]

# ---- many at once ----
for i in $(seq 8); do
    "$GANHOST" "${TINY[@]}" --set train.kimg=0.05 --out together --set "name=n$i" --quiet 2> "together$i.txt" &
done
wait
check "runs that start at once get numbers of their own" [ "$(ls together | cut -d- -f1 | sort -u | wc -l)" = 8 ]
check "and none fails" [ -z "$(cat together?.txt)" ]

# ---- the same seed, the same run ----
for i in 1 2; do
    ganhost "${TINY[@]}" --set train.kimg=0.5 --out same --seed 9
done
ganhost "${TINY[@]}" --set train.kimg=0.5 --out same --seed 10
check "the same seed gives the same weights" "$COMPARE" same/0000{0,1}-*/checkpoints/000000_512.safetensors
check "another seed gives others" sh -c "! '$COMPARE' same/0000[02]-*/checkpoints/000000_512.safetensors"
check "and the same pictures" cmp same/0000{0,1}-*/fakes000000_512.png
ganhost "${TINY[@]}" --set train.kimg=0.5 --out same --seed 9 --set train.snapshot_kimg=0.1 --set train.checkpoint_kimg=0.1
check "pictures and checkpoints do not disturb the training" "$COMPARE" same/00000-*/checkpoints/000000_512.safetensors same/00003-*/checkpoints/000000_500.safetensors

# ---- images, labels, schedules, averages, several discriminator steps ----
ganhost --plugin tiny_labels --set data.source=builtin:digits --set data.count=200 --set threads=1 --set train.kimg=0.5 \
    --set train.d_steps=3 --set train.lr_schedule=cosine --set train.ema_kimg=0.2 --set train.report_kimg=0.001
check "labelled images" [ "$STATUS" = 0 ]
run=runs/00043-tiny_labels-digits
check "three batches of 16 at a time" grep -q '"kimg": 0.048, "step": 1,' $run/stats.jsonl
check "the learning rate falls" sh -c "tail -1 $run/stats.jsonl | grep -Eq '\"lr\": [0-9.]+e-0[4-9]'"
check "averages are saved" grep -q '"ema.g.0.weight"' $run/checkpoints/000000_528.safetensors
ganhost "${TINY[@]}" --set train.minutes=0.01 --out limited
check "a limit of time" [ "$STATUS" = 0 ]

# ---- averages that ramp up ----
once() # OUT OPTION...: one iteration
{
    local out=$1
    shift
    ganhost "${TINY[@]}" --set train.kimg=0.016 --out "$out" --set train.snapshot_kimg=1000 "$@"
}
once ramp --set train.ema_kimg=100 --set train.ema_rampup=0.05
once ramp --set train.ema_kimg=1e-9
once ramp --set train.ema_kimg=100
check "the first average is of the new weights alone" "$COMPARE" ramp/0000[01]-*/checkpoints/000000_016.safetensors
check "but without a ramp of the initial ones" sh -c "! '$COMPARE' ramp/0000[02]-*/checkpoints/000000_016.safetensors"

# ---- a dry run ----
ganhost "${TINY[@]}" --dry-run --out dry
check "a dry run ends well" [ "$STATUS" = 0 ]
expect_out "data     ring8: 1,000 vectors of 2 values, 8 classes, checked"
expect_out "linear             [16, 16]                        144"
expect_out "memory   at kimg 0, batches of 16 vectors: "
check "and leaves nothing" [ ! -e dry ]
finish
