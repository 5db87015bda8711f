#!/usr/bin/env bash
# A checkpoint that was torn or altered is noticed, and the one before it is used, with a message.
# shellcheck source=harness.sh
. "$(dirname "$0")/harness.sh"

ganhost "${TINY[@]}" --set train.kimg=2 --set train.checkpoint_kimg=0.5 --set train.keep=10
whole=runs/00000-tiny-ring8
newest=000002.safetensors
size=$(stat -c %s $whole/checkpoints/$newest)

flip() # FILE OFFSET
{
    local byte
    byte=$(od -An -tu1 -j "$2" -N 1 "$1")
    # shellcheck disable=SC2059
    printf "\\$(printf %03o $((byte ^ 0x40)))" | dd of="$1" bs=1 seek="$2" conv=notrunc 2> dd.txt
}
resume() # WHAT
{
    ganhost --resume part
    check "$1: goes on" [ "$STATUS" = 0 ]
    expect 0 "a checkpoint is damaged and will not be used: part/checkpoints/$newest"
    expect 0 "resumed from part/checkpoints/000001_500.safetensors"
    check "$1: the same weights in the end" "$COMPARE" $whole/checkpoints/$newest part/checkpoints/$newest
    check "$1: the damaged file is set aside" [ -e part/checkpoints/$newest.damaged ]
    rm -rf part
}
copy()
{
    rm -rf part
    cp -r $whole part
}

for offset in 0 7 8 40 300 $((size / 2)) $((size - 1)) $((RANDOM % size)) $((RANDOM % size)) $((RANDOM % size)); do
    copy
    flip part/checkpoints/$newest "$offset"
    resume "byte $offset flipped"
done
for length in 0 1 8 100 $((size / 2)) $((size - 1)); do
    copy
    truncate -s "$length" part/checkpoints/$newest
    resume "cut to $length bytes"
done
copy
printf x >> part/checkpoints/$newest
resume "a byte too many"
copy
dd if=/dev/urandom of=part/checkpoints/$newest bs=1000 count=5 2> dd.txt
resume "noise"

# Sampling does the same, and leaves the run as it is.
copy
truncate -s 100 part/checkpoints/$newest
ganhost sample --run part
expect 0 "a checkpoint is damaged and will not be used: part/checkpoints/$newest"
expect 0 "64 samples of part/checkpoints/000001_500.safetensors: part/samples.png"
check "the damaged file is where it was" [ -e part/checkpoints/$newest ]
ganhost sample --checkpoint part/checkpoints/$newest
expect_error 1 "part/checkpoints/$newest"

# None is left.
for file in part/checkpoints/*.safetensors; do
    truncate -s 100 "$file"
done
ganhost --resume part
expect 1 "part has no checkpoint that can be used"
check "the last one is left to look at" [ -e part/checkpoints/000000_500.safetensors ]

# Statistics that were torn in the middle of a line.
copy
rm part/checkpoints/$newest
truncate -s -20 part/stats.jsonl
ganhost --resume part
check "torn statistics" [ "$STATUS" = 0 ]
check "are whole again" [ "$(wc -l < part/stats.jsonl)" = "$(wc -l < $whole/stats.jsonl)" ]

# What is no checkpoint, or not this run's.
copy
cp "$SOURCE/tests/host/harness.sh" part/config.yaml
ganhost --resume part
expect_error 2 "part/config.yaml:"
ganhost sample --checkpoint $whole/stats.jsonl
expect_error 1 "$whole/stats.jsonl"
ganhost sample --run $whole --plugin good_1_0
expect_error 1 "was made by the plugin tiny, and cannot be used with the plugin good_1_0"
finish
