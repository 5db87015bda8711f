#!/usr/bin/env bash
# Where there is no CUDA device: cuda is refused in one sentence, auto computes on the CPU and says why.
# shellcheck source=harness.sh
. "$(dirname "$0")/harness.sh"

# What is loaded is not there on any machine.
export GAN_CUDA_LIBRARY=$SCRATCH/missing.so
for device in cuda cuda:0 cuda:3; do
    ganhost "${TINY[@]}" --device $device
    expect_error 1 "device $device: the CUDA backend cannot be loaded: $SCRATCH/missing.so"
done
check "nothing was started" [ ! -e runs ]

ganhost "${TINY[@]}" --set train.kimg=0.032 --device auto
expect 0 'device  CPU, 1 thread'
expect 0 "device auto: the CPU is used, because the CUDA backend cannot be loaded: $SCRATCH/missing.so"
check "the log says it, too" grep -q 'device auto: the CPU is used, because' runs/00000-tiny-ring8/log.txt

ganhost "${TINY[@]}" --set train.kimg=0.032 --device cpu --precision tf32
expect 0 ', tf32'
check "nothing is said about a device that was not asked for" sh -c '! grep -q "device cpu:\|because" err.txt'

# What this build has, on a machine without a driver.
unset GAN_CUDA_LIBRARY
if [ ! -e /proc/driver/nvidia ] && [ ! -e /dev/nvidia0 ]; then
    ganhost "${TINY[@]}" --device cuda
    expect_error 1 'device cuda: '
fi
finish
