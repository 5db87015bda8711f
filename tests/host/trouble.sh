#!/usr/bin/env bash
# What can go wrong before and during a run: one clear sentence, and nothing lost.
# shellcheck source=harness.sh
. "$(dirname "$0")/harness.sh"

# ---- before ----
ganhost "${TINY[@]}" --set train.batch=1001
expect_error 1 '1001'
expect_error 1 '1000'
ganhost --plugin tiny_images --set data.source=builtin:ring8
expect_error 1 'the plugin tiny_images needs images, but builtin:ring8 holds vectors of 2 values'
ganhost --plugin tiny_labels --set data.source=builtin:digits --set data.labels=false
expect_error 1 'the plugin tiny_labels needs labels, but builtin:digits has none, because data.labels is off'
ganhost --plugin tiny_pairs --set data.source=builtin:digits
expect_error 1 'the plugin tiny_pairs needs data of two domains, but builtin:digits is one: give the second as data.source_b'
ganhost --plugin tiny --set data.source=builtin:digts
expect 1 'digts'
ganhost --plugin tiny --set data.source=/missing/folder
expect_error 1 '/missing/folder'
ganhost "${TINY[@]}" --device cuda
expect_error 1 'device cuda'
ganhost "${TINY[@]}" --device cuda:0
expect_error 1 'device cuda:0'
check "nothing was started" [ ! -e runs ]

echo text > file
ganhost "${TINY[@]}" --out file
expect_error 1 'cannot make the folder file: Not a directory'
ganhost "${TINY[@]}" --out file/below
expect_error 1 'cannot make the folder file: Not a directory'
if [ "$(id -u)" = 0 ]; then
    ganhost "${TINY[@]}" --out /proc/ganhost
    expect_error 1 'cannot make the folder /proc/ganhost: No such file or directory'
else
    mkdir locked
    chmod a-w locked
    ganhost "${TINY[@]}" --out locked
    expect_error 1 'cannot make the run folder locked/00000-tiny-ring8: Permission denied'
fi

# ---- during ----
SMALL=("${TINY[@]}" --set train.kimg=1 --set train.checkpoint_kimg=0.32 --set train.report_kimg=0.16)
ganhost "${SMALL[@]}" --set model.trouble=nan --set model.trouble_at=50
expect 1 'd_loss became not a number in step 50 (kimg 0.800), so training stopped; the last good checkpoint is runs/00000-tiny-ring8/checkpoints/000000_640.safetensors'
check "the log has it, too" grep -q 'd_loss became not a number in step 50' runs/00000-tiny-ring8/log.txt
ganhost sample --run runs/00000-tiny-ring8
check "the last good checkpoint is good" [ "$STATUS" = 0 ]
check "no statistics that are no numbers" sh -c '! grep -qi nan runs/00000-tiny-ring8/stats.jsonl'
ganhost "${SMALL[@]}" --set model.trouble=nan --set model.trouble_at=1
expect 1 'd_loss became not a number in step 1 (kimg 0.016), so training stopped; no checkpoint had been written yet'
ganhost "${SMALL[@]}" --set model.trouble=nan_weights --set model.trouble_at=60
expect 1 'g.0.weight holds values that are not finite'
check "weights that are no numbers are not saved" [ "$(ls runs/00002-tiny-ring8/checkpoints | tr '\n' ' ')" = "000000_320.safetensors 000000_640.safetensors " ]
ganhost "${SMALL[@]}" --set model.trouble=error --set model.trouble_at=30
expect 1 "the discriminator's step 30 failed: trouble was asked for"
ganhost "${SMALL[@]}" --set model.trouble=shape --set model.trouble_at=63
expect 1 'cannot generate samples: the plugin gave samples of shape [64, 2] instead of [64, 1, 1, 2]'
finish
