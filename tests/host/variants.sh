#!/usr/bin/env bash
# Every variant, small, as a user runs it: trains with finite numbers in f32 and bf16, resumes to the same bits, samples.
# DEVICE is what computes; on a CUDA device recorded steps give the same bits as steps that are run as they are, too.
# shellcheck source=harness.sh
. "$(dirname "$0")/harness.sh"
export GAN_PLUGIN_PATH=${PLUGINS:?}

RUNS=0
DEVICE=${DEVICE:-cpu}
# The run once more, every step run as it is.
as_it_is()
{
    local name=$1 plugin=$2 whole
    shift 2
    whole=$(echo "$name"/00000-*)
    check "$name: its steps were recorded" grep -Eq "([2-9]|1[0-9]) kinds of steps are recorded" "$whole/log.txt"
    ganhost --plugin "$plugin" "$@" --set cuda.graphs=false --out "$name-as-it-is"
    expect 0 "done: 0.2 kimg"
    check "$name: nothing was recorded" sh -c "! grep -q 'steps are recorded' '$name'-as-it-is/*/log.txt"
    check "$name: recorded steps give the same bits" same_runs "$whole" "$(echo "$name"-as-it-is/00000-*)" \
        000000_160.safetensors
}

# trains NAME PLUGIN OPTION=VALUE...
trains()
{
    local name=$1 plugin=$2 options=() option whole
    shift 2
    for option in device="$DEVICE" data.source=builtin:digits data.count=64 data.resolution=32 data.fit=pad threads=1 train.batch=8 \
        train.kimg=0.16 train.snapshot_kimg=0.08 train.checkpoint_kimg=0.04 train.report_kimg=0.016 train.d_steps=2 \
        train.ema_kimg=0.05 train.grid=20 train.keep=100 "$@"; do
        options+=(--set "$option")
    done
    ganhost --plugin "$plugin" "${options[@]}" --out "$name"
    expect 0 "done: 0.2 kimg"
    whole=$(echo "$name"/00000-*)
    cut_run "$whole" "$name/part" 000000_080
    ganhost --resume "$name/part"
    expect 0 "resumed from $name/part/checkpoints/000000_080.safetensors"
    check "$name: resumed to the same bits" same_runs "$whole" "$name/part" 000000_160.safetensors
    ganhost --plugin "$plugin" "${options[@]}" --set train.kimg=0.032 --set precision=bf16 --out "$name-bf16"
    expect 0 "done: 0.0 kimg"
    [ "$DEVICE" = cpu ] || as_it_is "$name" "$plugin" "${options[@]}"
    RUNS=$((RUNS + 1))
}

# variant NAME PLUGIN OPTION=VALUE...
variant()
{
    trains "$@"
    ganhost sample --run "$(echo "$1"/00000-*)" --seeds 0-3 --out "$1.png"
    check "$1: samples" [ -s "$1.png" ]
}

# The same of two domains, which has no samples.
translator()
{
    trains "$@" data.source=builtin:faces data.fit=crop data.enlarge=1.25 data.crop=random data.mirror=true
    check "$1: its error on held-out images is measured" grep -q '"test_cycle_b": 0[.]' "$1"/00000-*/stats.jsonl
}

mlp=(model.g_widths="[16, 16]" model.d_widths="[16, 16]" data.resolution=0)
narrow=(model.g_width=4 model.d_width=4)
variant gan gan "${mlp[@]}"
variant dcgan dcgan "${narrow[@]}"
variant cgan cgan data.resolution=0
variant cgan-two-stage cgan data.resolution=0 model.discriminator=two_stage
variant cgan-conv cgan model.networks=conv "${narrow[@]}"
variant wgan-gp wgan_gp "${narrow[@]}"
variant wgan-gp-layer-norm wgan_gp "${narrow[@]}" model.norm=layer model.sides=one
variant wgan-gp-resnet wgan_gp "${narrow[@]}" model.networks=resnet
variant wgan-gp-mlp wgan_gp "${mlp[@]}" model.networks=mlp
variant wgan-clip wgan_gp "${narrow[@]}" model.lipschitz=clip model.warmup=false
variant sngan sngan "${narrow[@]}"
variant sngan-conditional sngan "${narrow[@]}" model.conditional=true model.g_batch_factor=2
variant sngan-dcgan sngan "${narrow[@]}" model.networks=dcgan
# Three growths; 0.08 kimg, where it is resumed, is in the middle of a fade.
growing=(model.fmap_base=64 model.fmap_max=8 model.latent=8 model.stable_kimg=0.02 model.fade_kimg=0.03)
variant progan progan "${growing[@]}" model.batches="[8, 8, 4, 4]" model.lr_at="16: 0.002"
variant progan-fixed progan "${growing[@]}" model.grow=off
styles=(model.fmap_base=64 model.fmap_max=8 model.latent=8 model.w_width=8 model.mapping_layers=2 train.ema_rampup=0.05)
variant stylegan stylegan "${styles[@]}" "${growing[@]}" model.batches="[8, 8, 8, 4]" model.lr_at="16: 0.002"
variant stylegan-fixed stylegan "${styles[@]}" model.grow=off model.style_mixing=0
variant stylegan2 stylegan2 "${styles[@]}" model.r1_interval=3 model.path_interval=2
variant stylegan2-plain stylegan2 "${styles[@]}" model.g_architecture=plain model.d_architecture=plain model.r1_interval=1 \
    model.path_interval=1
variant stylegan2-conditional stylegan2 "${styles[@]}" model.conditional=true model.g_architecture=residual \
    model.d_architecture=skip
variant stylegan2-augmented stylegan2 "${styles[@]}" model.augment=adaptive model.augment_p=0.3 model.augment_kimg=0.5 \
    model.r1_interval=3 data.source=builtin:faces
pairs=("${narrow[@]}" model.blocks=1 train.test=4)
translator cyclegan cyclegan "${pairs[@]}" model.pool=6
translator cyclegan-plain cyclegan "${pairs[@]}" model.pool=0 model.patch=mean model.lambda_identity=0 train.d_steps=1

# A variant that is in the build but not above would never be tried.
check "every plugin is here" [ "$(cd "$PLUGINS" && ls -- *.so | sed 's/[.]so$//' | tr '\n' ' ')" = "$(sed -En 's/^(variant|translator) [^ ]+ ([^ ]+).*/\2/p' "$SOURCE/tests/host/variants.sh" | sort -u | tr '\n' ' ')" ]

# ---- by class ----
run=$(echo cgan/00000-*)
ganhost sample --run "$run" --class 8 --seeds 0-3 --out eights.png
check "one digit on request" [ "$STATUS" = 0 ]
ganhost sample --run "$run" --seeds 0-1 --out classes
check "a folder for each digit" [ "$(cd classes && ls)" = "$(seq 0 9)" ]
ganhost sample --run "$(echo sngan/00000-*)" --class 8
expect_error 2 "the plugin sngan does not use labels"

# ---- what cannot work is said before training ----
refused() # TEXT PLUGIN OPTION=VALUE...
{
    local text=$1 plugin=$2 options=() option
    shift 2
    for option in "$@"; do
        options+=(--set "$option")
    done
    ganhost --plugin "$plugin" "${options[@]}" --set train.kimg=0.001 --dry-run
    expect_error 1 "$text"
}
for plugin in dcgan sngan wgan_gp; do
    refused "a power of two" $plugin data.source=builtin:digits data.count=64 data.resolution=28
done
refused "builtin:ring8" dcgan data.source=builtin:ring8
refused "needs images" sngan data.source=builtin:ring8
refused "makes images" wgan_gp data.source=builtin:ring8
refused "needs labels" cgan data.source=builtin:faces data.count=64
check "nothing was written" [ ! -e runs ]
finish
