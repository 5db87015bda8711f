#!/usr/bin/env bash
# A run that was stopped goes on as if it had not been: weights, statistics, pictures.
# shellcheck source=harness.sh
. "$(dirname "$0")/harness.sh"

OPTIONS=(--set train.snapshot_kimg=0.4 --set train.checkpoint_kimg=0.5 --set train.report_kimg=0.3 --set train.ema_kimg=0.2 --set train.ema_rampup=0.5 --set train.d_steps=2 --set train.keep=100)

for source in builtin:ring8 builtin:digits; do
    out=out-${source#builtin:}
    options=(--plugin tiny --set "data.source=$source" --set data.count=777 --set threads=1 --set train.kimg=3 "${OPTIONS[@]}" --out "$out")
    ganhost "${options[@]}"
    check "undisturbed" [ "$STATUS" = 0 ]
    whole=$(echo "$out"/00000-*)
    ganhost "${options[@]}" --set model.trouble=error --set model.trouble_at=100
    expect 1 "trouble was asked for"
    # An option of the model cannot change, so this run stays in trouble.
    ganhost --resume "$(echo "$out"/00001-*)" --set model.trouble=none
    expect_error 2 "model.trouble cannot be changed when a run is resumed"
    # Cut short at every checkpoint in turn: a copy of the whole run without what came after.
    for last in 000000_500 000001 000002_500; do
        cut_run "$whole" "$out/part" "$last"
        ganhost --resume "$out/part"
        check "resumed from $last" [ "$STATUS" = 0 ]
        expect 0 "resumed from $out/part/checkpoints/$last.safetensors"
        check "the same as undisturbed" same_runs "$whole" "$out/part" 000003.safetensors
    done
    # Before the first checkpoint.
    rm -rf "$out/part/checkpoints"
    ganhost --resume "$out/part/"
    expect 0 "there is no checkpoint yet, so the run begins again"
    check "the same from the beginning" same_runs "$whole" "$out/part" 000003.safetensors
done

# ---- longer, other reports ----
ganhost --resume out-ring8/part
expect 0 "is complete at kimg 3.0; to go on, give more: --set train.kimg=N"
ganhost --resume out-ring8/part --set train.kimg=4 --set train.report_kimg=0.1 --set threads=2
check "a longer run" [ "$STATUS" = 0 ]
check "is in its config" grep -qx "  kimg: 4" out-ring8/part/config.yaml

# ---- refused ----
for option in seed=2 precision=bf16 train.batch=8 train.d_steps=1 train.ema_kimg=0 train.lr_schedule=linear data.resolution=4 data.count=778; do
    ganhost --resume out-ring8/part --set $option
    expect_error 2 "${option%=*} cannot be changed when a run is resumed: start a new run for it"
done
ganhost --resume out-ring8/part --seed 3
expect_error 2 "seed cannot be changed"
ganhost --resume out-ring8/part --plugin good_1_0
expect 2 'there is no option "model.trouble" of the plugin good_1_0'
ganhost --resume out-ring8/part --set train.kimg=9 --set data.source=builtin:digits
expect_error 1 "builtin:digits has 777 images of 28x28x1, 10 classes, but this run was begun on 777 vectors of 2 values, 8 classes"
ganhost --resume missing
expect_error 1 "missing is not a run: it has no config.yaml"
mkdir empty
ganhost --resume latest --out empty
expect_error 1 "there is no run in empty"

# ---- the latest ----
for i in 1 2; do
    ganhost "${TINY[@]}" --set train.kimg=0.1 --out late
done
mkdir late/00005-not-a-run
ganhost --resume latest --out late --set train.kimg=0.2
expect 0 "run     late/00001-tiny-ring8"
ganhost "${TINY[@]}" --set train.kimg=0.1
ganhost --resume latest --set train.kimg=0.2
expect 0 "run     runs/00000-tiny-ring8"

# ---- from elsewhere, with relative paths ----
cp "$FIXTURES/tiny.so" my.so
ganhost --plugin ./my.so --set data.source=builtin:ring8 --set train.kimg=0.1 --out mine --set threads=1
(cd / && "$GANHOST" --resume "$SCRATCH"/mine/00000-* --set train.kimg=0.2) 2> err.txt
STATUS=$?
expect 0 "done: 0.2 kimg"

# ---- one at a time ----
"$GANHOST" "${TINY[@]}" --out locked --set train.kimg=100000 --quiet &
other=$!
for i in $(seq 100); do
    [ -e locked/00000-tiny-ring8/stats.jsonl ] && break
    sleep 0.05
done
ganhost --resume locked/00000-tiny-ring8
expect_error 1 "locked/00000-tiny-ring8 is being written by another ganhost"
kill -9 $other
wait $other 2> wait.txt
finish
