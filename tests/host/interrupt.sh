#!/usr/bin/env bash
# Ctrl-C finishes the step, writes a checkpoint, says how to go on; a second one stops at once.
# shellcheck source=harness.sh
. "$(dirname "$0")/harness.sh"
set -m # without job control, a shell's background jobs ignore SIGINT

# Start a run that would be long, and wait until it trains.
begin() # OUT ARGUMENTS...
{
    local out=$1
    shift
    "$GANHOST" "${TINY[@]}" --set train.kimg=1000000 --set train.minutes=1 --out "$out" "$@" > out.txt 2> err.txt &
    CHILD=$!
    for i in $(seq 200); do
        [ -s "$out/00000-tiny-ring8/stats.jsonl" ] && return
        sleep 0.05
    done
}

for signal in INT TERM HUP; do
    begin "out$signal"
    kill -$signal $CHILD
    wait $CHILD
    STATUS=$?
    expect 130 "; go on with: ganhost --resume out$signal/00000-tiny-ring8"
    expect 130 "interrupted at kimg "
    check "a checkpoint" [ "$(ls out$signal/00000-tiny-ring8/checkpoints | wc -l)" = 1 ]
    kimg=$(sed -n 's/^interrupted at kimg \([0-9]*\).*/\1/p' err.txt)
    ganhost --resume out$signal/00000-tiny-ring8 --set train.kimg=$((kimg + 2)) --set train.minutes=0
    expect 0 "resumed from out$signal/00000-tiny-ring8/checkpoints/"
    expect 0 "done: "
done

# The same as a run that was not interrupted.
kimg=$(sed -n 's/^done: \([0-9]*\).*/\1/p' err.txt)
last=$(ls outHUP/00000-tiny-ring8/checkpoints | tail -1)
ganhost "${TINY[@]}" --set train.kimg=$((kimg)) --out whole --quiet
check "the same weights" "$COMPARE" "outHUP/00000-tiny-ring8/checkpoints/$last" "whole/00000-tiny-ring8/checkpoints/$last"

# Twice.
begin twice --set model.latent=64
kill -INT $CHILD $CHILD
kill -INT $CHILD 2> kill.txt
wait $CHILD
STATUS=$?
check "stops" [ $STATUS = 130 ]
finish
