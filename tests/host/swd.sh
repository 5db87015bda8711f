#!/usr/bin/env bash
# train.swd: distances at each snapshot, the same in a resumed run, and not counted as time of training.
# shellcheck source=harness.sh
. "$(dirname "$0")/harness.sh"

OPTIONS=(--plugin tiny --set data.source=builtin:digits --set data.count=300 --set data.resolution=32 --set data.fit=pad
    --set threads=1 --set train.kimg=0.8 --set train.snapshot_kimg=0.2 --set train.checkpoint_kimg=0.1
    --set train.report_kimg=0.1 --set train.ema_kimg=0.1 --set train.keep=100)
distances() # RUN: their lines
{
    grep '"swd"' "$1/stats.jsonl"
}
means() # RUN: of the levels, in every line
{
    sed -n 's/.*"swd": \([^,]*\), "swd_32": \([^,]*\), "swd_16": \([^}]*\)}}$/\1 \2 \3/p' "$1/stats.jsonl" > means.txt
    awk '{ d = 2 * $1 - $2 - $3; if (d * d > 1e-4) exit 1; n++ } END { exit n != 5 }' means.txt
}
height() # PNG
{
    od -An -tu4 --endian=big -j20 -N4 "$1"
}

ganhost "${OPTIONS[@]}" --set train.swd=40
expect 0 "done: 0.8 kimg"
whole=$(echo runs/00000-*)
check "a line at each snapshot" [ "$(distances "$whole" | grep -o '"kimg": [0-9.]*' | tr -d '\n')" = \
    '"kimg": 0.000"kimg": 0.208"kimg": 0.400"kimg": 0.608"kimg": 0.800' ]
check "with the mean and the levels" [ "$(distances "$whole" | grep -Ec '"metrics": [{]"swd": [0-9.]+, "swd_32": [0-9.]+, "swd_16": [0-9.]+[}]{2}$')" = 5 ]
check "which is their mean" means "$whole"
for last in 000000_100 000000_200 000000_600; do
    cut_run "$whole" part "$last"
    ganhost --resume part
    expect 0 "resumed from part/checkpoints/$last.safetensors"
    check "the same from $last on" same_runs "$whole" part 000000_800.safetensors
done

# The training is the one that there would have been; so are the samples.
ganhost "${OPTIONS[@]}"
plain=$(echo runs/00001-*)
check "training is not disturbed" "$COMPARE" {"$whole","$plain"}/checkpoints/000000_800.safetensors
check "without it there are no distances" sh -c "! grep -q swd $plain/stats.jsonl"
check "losses.png has a chart more" [ "$(height "$whole/losses.png")" -gt "$(height "$plain/losses.png")" ]

# As many as there are, at most; on more threads the same.
ganhost "${OPTIONS[@]}" --set train.swd=60000 --set train.kimg=0.016
ganhost "${OPTIONS[@]}" --set train.swd=300 --set train.kimg=0.016 --set threads=2
check "no more than the data" [ "$(distances runs/00002-* | head -1 | sed 's/.*metrics//')" = "$(distances runs/00003-* | head -1 | sed 's/.*metrics//')" ]
check "the time that it takes is not the training's" grep -q '"kimg": 0.000, "step": 0, "seconds": 0.0' runs/00002-*/stats.jsonl

# ---- refused before anything is written ----
for resolution in 28 8; do
    ganhost "${OPTIONS[@]}" --set train.swd=10 --set data.fit=stretch --set data.resolution=$resolution --out none
    expect_error 1 "a power of two from 16 to 4096, but it is $resolution: set train.swd=0"
    ganhost "${OPTIONS[@]}" --set train.swd=10 --set data.fit=stretch --set data.resolution=$resolution --dry-run
    expect_error 1 "set train.swd=0"
done
ganhost "${TINY[@]}" --set train.swd=10 --out none
expect_error 1 "train.swd needs square images, but the data is 1,000 vectors of 2 values, 8 classes: set train.swd=0"
check "nothing was written" [ ! -e none ]
finish
