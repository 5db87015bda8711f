#!/usr/bin/env bash
# A device whose memory is too small for a batch: what is said names one that fits, and it does, recorded steps included.
# On the emulated device, which has GAN_EMULATED_MEMORY MiB.
# shellcheck source=harness.sh
. "$(dirname "$0")/harness.sh"
[ -e "${EMULATED:-}" ] || skip "this build has no emulated CUDA device"
export GAN_CUDA_LIBRARY=$EMULATED GAN_EMULATED_MEMORY=40

train() # BATCH ITERATIONS
{
    ganhost "${TINY[@]}" --device cuda --set data.count=60000 --set train.snapshot_kimg=1000 \
        --set train.batch="$1" --set "train.kimg=$(($1 * $2))e-3"
}

named() # the batch that the last error names
{
    sed -n 's/.*; a batch of about \([0-9]*\) would fit$/\1/p' err.txt
}

train 60000 1
expect 1 "step 1 failed: tensor: no memory for f32 ["
expect 1 " MiB of 40.0 MiB are free on the device; a batch of about "
FITS=$(named)
check "a batch is named" test -n "$FITS"
check "which is not a token one" test "${FITS:-0}" -gt 1000
train "${FITS:-0}" 6
expect 0 "done: "
check "its steps are recorded" grep -q "kinds of steps are recorded" runs/00001-*/log.txt
train $((2 * ${FITS:-0})) 6
check "there is no room to record those of twice as many" grep -q "not recorded into graphs: .*no memory for f32" err.txt
train $((4 * ${FITS:-0})) 6
expect 1 "no memory for f32"
check "and none for four times as many" test "$(named)" -le $((2 * ${FITS:-0}))

ganhost "${TINY[@]}" --device cuda --set data.count=60000 --set train.batch="${FITS:-0}" --dry-run
expect 0 ""
UP_TO=$(sed -n 's/^fits     batch up to about \([0-9]*\)$/\1/p' out.txt)
check "a dry run tells it beforehand" test "${UP_TO:-0}" -ge "$((${FITS:-0} * 9 / 10))"
check "and much the same" test "${UP_TO:-0}" -le "$((${FITS:-0} * 3 / 2))"
ganhost "${TINY[@]}" --device cuda --set data.count=60000 --set train.batch=60000 --dry-run
expect 1 " MiB of 40.0 MiB are free on the device"
check "or with the error" test -n "$(named)"

# As many as there are data.
GAN_EMULATED_MEMORY=4096 ganhost "${TINY[@]}" --device cuda --dry-run
expect_out "fits     batch up to about 1000"
ganhost "${TINY[@]}" --device cpu --dry-run
expect 0 ""
check "nothing is promised on the CPU" sh -c '! grep -q "^fits" out.txt'

# A plan: steps at the end of growth may not fit where those at its beginning did. What is named is train.batch.
grow() # BATCH OPTION...
{
    local batch=$1
    shift
    GAN_EMULATED_MEMORY=90 ganhost --plugin growing --set data.source=builtin:digits --set data.count=20000 \
        --set data.resolution=32 --set data.fit=pad --set threads=1 --device cuda --set train.snapshot_kimg=1000 \
        --set train.batch="$batch" --set train.kimg=4 --set model.stage_kimg=2 --set model.plan=few_first "$@"
}
grow 3000
expect 1 "kimg 2.2: images of 16x16, batches of 3000"
expect 1 "step 4 failed: "
FITS=$(named)
check "a batch is named" test -n "$FITS"
check "between that of the beginning and that of the end" test "${FITS:-0}" -gt 750 -a "${FITS:-0}" -lt 3000
grow "${FITS:-0}"
expect 0 "done: "
grow 3000 --dry-run
expect 1 "; a batch of about "
check "a dry run tells it beforehand" test "$(named)" -ge "$((${FITS:-0} * 9 / 10))" -a "$(named)" -le "$((${FITS:-0} * 11 / 10))"
grow 800 --dry-run
expect 0 ""
UP_TO=$(sed -n 's/^fits     batch up to about \([0-9]*\)$/\1/p' out.txt)
check "for every stage" test "${UP_TO:-0}" -ge "$((${FITS:-0} * 9 / 10))" -a "${UP_TO:-0}" -le "$((${FITS:-0} * 11 / 10))"

# Networks that fit, but not with what an update of them takes.
export GAN_PLUGIN_PATH=$PLUGINS
GAN_EMULATED_MEMORY=90 ganhost --plugin gan --set data.source=builtin:digits --set data.count=100 --set threads=1 \
    --set train.batch=64 --set train.kimg=1 --device cuda --set 'model.g_widths=[1024, 1024]' \
    --set 'model.d_widths=[1024, 1024]'
expect 1 "step 1 failed: "
expect 1 "; even a batch of 1 would not fit"
finish
