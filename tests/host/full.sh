#!/usr/bin/env bash
# A disk that is full: the run stops with one sentence, and its older checkpoints are whole. On a file system of its own,
# which needs root or user namespaces.
if [ "${1:-}" != inside ]; then
    if [ "$(id -u)" = 0 ] && unshare -m true 2> /dev/null; then
        exec unshare -m bash "$0" inside
    elif unshare -rm true 2> /dev/null; then
        exec unshare -rm bash "$0" inside
    fi
    echo "skipped: no right to mount a small file system"
    exit 77
fi
# shellcheck source=harness.sh
. "$(dirname "$0")/harness.sh"
mkdir disk
mount -t tmpfs -o size=600k none disk 2> mount.txt || skip "cannot mount: $(cat mount.txt)"

ganhost "${TINY[@]}" --set model.latent=64 --out disk/runs --set train.kimg=1000 --set train.checkpoint_kimg=1 --set train.keep=100000
check "stops" [ "$STATUS" = 1 ]
expect 1 "No space left on device"
run=disk/runs/00000-tiny-ring8
check "there are older checkpoints" [ "$(ls $run/checkpoints/*.safetensors | wc -l)" -ge 2 ]
check "no torn file" [ -z "$(find disk -name '*.tmp*')" ]
ganhost sample --run $run --out samples.png
check "the newest checkpoint is whole" [ "$STATUS" = 0 ]
check "nothing is damaged" sh -c '! grep -q damaged err.txt'

# With room again, the run goes on, and is the same as one that never stopped.
mount -o remount,size=20m disk
kimg=$(ls $run/checkpoints | tail -1 | cut -c1-6 | sed 's/^0*//')
ganhost --resume $run --set train.kimg=$((kimg + 3)) --set train.keep=2
check "goes on" [ "$STATUS" = 0 ]
last=$(ls $run/checkpoints | tail -1)
ganhost "${TINY[@]}" --set model.latent=64 --out whole --set train.kimg=$((kimg + 3)) --set train.checkpoint_kimg=1 --set train.keep=2
check "the same weights" "$COMPARE" "$run/checkpoints/$last" "whole/00000-tiny-ring8/checkpoints/$last"
umount disk
finish
