#!/usr/bin/env bash
# SIGKILL at random moments, dozens of times; each run is resumed, some are killed again, and all must end with the
# weights, statistics and pictures of a run that was left alone. KILLS sets how many.
# shellcheck source=harness.sh
. "$(dirname "$0")/harness.sh"
KILLS=${KILLS:-36}
RANDOM=${SEED:-$$}
echo "SEED=$RANDOM KILLS=$KILLS"
OPTIONS=("${TINY[@]}" --set train.kimg=6 --set train.checkpoint_kimg=0.2 --set train.snapshot_kimg=2 --set train.report_kimg=0.3 --set train.ema_kimg=0.5 --quiet)

# Train or resume, and kill after so many milliseconds. Fails if it ended before.
killed_after() # MILLISECONDS ARGUMENTS...
{
    local delay
    delay=$(printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000)))
    shift
    "$GANHOST" "$@" 2> err.txt &
    local child=$!
    sleep "$delay"
    kill -9 $child 2> kill.txt
    wait $child 2> wait.txt
    [ $? = 137 ]
}
statistics()
{
    sed -E 's/"seconds": [^,]*, "images_per_second": [^,]*, //; s/"memory_peak": [^,]*, //' "$1/stats.jsonl"
}

begin=$(date +%s%N)
ganhost "${OPTIONS[@]}" --out whole
check "undisturbed" [ "$STATUS" = 0 ]
length=$((($(date +%s%N) - begin) / 1000000))
whole=whole/00000-tiny-ring8
statistics $whole > whole.txt

kills=0
for ((i = 0; kills < KILLS && i < 3 * KILLS; i++)); do
    out=run$i
    run=$out/00000-tiny-ring8
    killed_after $((RANDOM % length)) "${OPTIONS[@]}" --out $out || continue
    kills=$((kills + 1))
    [ -e $run/config.yaml ] || continue # killed before there was a run
    while [ $((RANDOM % 3)) = 0 ]; do
        killed_after $((RANDOM % length)) --resume $run --quiet && kills=$((kills + 1))
    done
    ganhost --resume $run --quiet
    check "resumed after a kill" [ "$STATUS" = 0 ]
    check "nothing is said to be damaged" [ ! -s err.txt ]
    check "the same weights" "$COMPARE" $whole/checkpoints/000006.safetensors $run/checkpoints/000006.safetensors
    statistics $run > run.txt
    check "the same statistics" diff whole.txt run.txt
    for picture in reals.png losses.png fakes000000.png fakes000002.png fakes000004.png fakes000006.png; do
        check "the same $picture" cmp $whole/$picture $run/$picture
    done
    check "no temporary file is left" [ -z "$(find $out -name '*.tmp*')" ]
    rm -rf "$out"
done
echo "$kills kills, of which $i runs were begun"
check "enough were killed" [ $kills -ge "$KILLS" ]
finish
