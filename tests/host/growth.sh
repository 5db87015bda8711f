#!/usr/bin/env bash
# A plugin whose plan changes batch and resolution: the batches are as planned, and a run that was stopped within a stage
# or at its end goes on as if it had not been. On the CPU and, where there is one, on the emulated device.
# shellcheck source=harness.sh
. "$(dirname "$0")/harness.sh"
[ ! -e "${EMULATED:-}" ] || export GAN_CUDA_LIBRARY=$EMULATED

GROWING=(--plugin growing --set data.source=builtin:digits --set data.count=777 --set data.resolution=16
    --set data.fit=stretch --set threads=1)

# Stages of 0.2 kimg: 16 of 4x4, 8 of 8x8, 8 of 16x16, 4 of 16x16.
grow() # OPTION...
{
    ganhost "${GROWING[@]}" --set train.kimg=0.8 --set train.snapshot_kimg=0.15 --set train.checkpoint_kimg=0.05 \
        --set train.report_kimg=0.07 --set train.ema_kimg=0.2 --set train.keep=100 --set model.stage_kimg=0.2 "$@"
}

said() # LOG TEXT...: the log tells these changes and no others
{
    local log=$1
    shift
    printf '%s\n' "$@" > want.txt
    grep -o 'kimg [0-9.]*: images of .*' "$log" > have.txt
    diff want.txt have.txt
}

for device in cpu ${EMULATED:+cuda}; do
    for d_steps in 1 3; do
        out=$device-$d_steps
        options=(--device "$device" --set "train.d_steps=$d_steps")
        grow "${options[@]}" --out "$out"
        expect 0 "done: 0.8 kimg"
        whole=$(echo "$out"/00000-*)
        check "the log tells the changes" said "$whole/log.txt" "kimg 0.0: images of 4x4, batches of 16" \
            "kimg 0.2: images of 8x8, batches of 8" "kimg 0.4: images of 16x16, batches of 8" \
            "kimg 0.6: images of 16x16, batches of 4"
        # In the middle of a stage, about where one begins, and in the last.
        for last in 000000_050 000000_150 000000_200 000000_250 000000_400 000000_600 000000_700; do
            [ -e "$whole/checkpoints/$last.safetensors" ] || continue
            cut_run "$whole" "$out/part" "$last"
            ganhost --resume "$out/part"
            expect 0 "resumed from $out/part/checkpoints/$last.safetensors"
            end=$(basename "$(ls "$whole"/checkpoints/* | tail -1)")
            check "$out: the same from $last on" same_runs "$whole" "$out/part" "$end"
        done
        [ "$device" = cuda ] || continue
        check "steps are recorded in each stage" [ "$(grep -c "2 kinds of steps are recorded" "$whole/log.txt")" = 4 ]
        grow "${options[@]}" --set cuda.graphs=false --out "$out-as-it-is"
        expect 0 "done: 0.8 kimg"
        check "recorded steps give the same bits" same_runs "$whole" "$(echo "$out"-as-it-is/00000-*)" "$end"
    done
done
check "runs were compared" [ "$CHECKS" -gt 20 ]

# ---- a dry run looks at every stage ----
grow --dry-run
expect 0 ""
expect_out "memory   at kimg 0, images of 4x4, batches of 16: "
for stage in "8x8, batches of 8" "16x16, batches of 8" "16x16, batches of 4"; do
    expect_out "images of $stage: "
done

# ---- plans that cannot be followed ----
refused() # PLAN TEXT
{
    grow --set model.plan="$1"
    expect 1 "ganhost: the plugin growing plans $2"
    grow --set model.plan="$1" --dry-run
    expect_error 1 "ganhost: the plugin growing plans ${2%% at kimg*} at kimg 0.20"
}
refused no_batch "batches of 0 samples at kimg 0.208, expected 1 to 16 (train.batch)"
refused large_batch "batches of 17 samples at kimg 0.208, expected 1 to 16 (train.batch)"
refused third "a resolution of 5 at kimg 0.208, expected a power of two part of the data's 16x16"
refused none "a resolution of 0 at kimg 0.208, expected a power of two part of the data's 16x16"
refused double "a resolution of 32 at kimg 0.208, expected a power of two part of the data's 16x16"
finish
