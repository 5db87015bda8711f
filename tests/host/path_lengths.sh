#!/usr/bin/env bash
# bench/path_lengths.c: lengths against differences of images, what is printed and drawn, and what is refused.
# shellcheck source=harness.sh
. "$(dirname "$0")/harness.sh"
[ -n "${PATH_LENGTHS:-}" ] || skip "there are no benchmarks in this build"
export GAN_PLUGIN_PATH=$FIXTURES:${PLUGINS:?}

lengths() # ARGUMENTS...: as `ganhost` of the harness
{
    "$PATH_LENGTHS" "$@" > out.txt 2> err.txt < /dev/null
    STATUS=$?
}
train() # OUT ARGUMENTS...: one small run, in OUT
{
    ganhost --out folder "${@:2}" --set threads=1
    check "a run" [ "$STATUS" = 0 ]
    mv folder/* "$1"
}
column() # N [ROW]: of the table
{
    awk -v n="$1" -v row="${2:-1}" 'NR == row + 1 { print $n }' out.txt
}
near() # A B TOLERANCE: relative
{
    awk -v a="$1" -v b="$2" -v t="$3" 'BEGIN { d = a - b; exit !(a > 0 && b > 0 && d * d <= t * t * b * b) }'
}
side() # PNG OFFSET: its width (16) or height (20)
{
    od -An -tu1 -j"$2" -N4 "$1" | awk '{ print $3 * 256 + $4 }'
}

faces=(--set data.source=builtin:faces --set data.count=64 --set data.resolution=16 --set train.batch=8)
small=(--set model.fmap_base=64 --set model.fmap_max=8 --set model.latent=8 --set model.w_width=8 --set model.mapping_layers=2)
train styles --plugin tiny_style "${faces[@]}" --set train.kimg=0.1 --set train.ema_kimg=0.1
train classes --plugin tiny_style --set data.source=builtin:digits --set data.count=64 --set train.kimg=0.1
train stylegan2 --plugin stylegan2 "${faces[@]}" "${small[@]}" --set train.kimg=0.04 --set train.ema_kimg=0.01

# ---- the lengths ----
# The differences' step and rounding take less than a thousandth; 20 samples are three batches.
for run in styles classes stylegan2; do
    "${PATH_SLOPES:?}" $run 20 7 > slopes.txt
    lengths $run --samples 20 --seed 7
    expect 0 "20 path lengths of $run/checkpoints/"
    read -r mean deviation < slopes.txt
    check "$run: the mean, $mean" near "$(column 3)" "$mean" 0.002
    check "$run: the deviation, $deviation" near "$(column 4)" "$deviation" 0.002
    check "$run: and their ratio" near "$(column 5)" "$(awk '{ print $2 / $1 }' slopes.txt)" 0.004
done

# ---- the table ----
# Of one sample all percentiles are its length; of two they lie between them.
lengths styles --samples 1 --seed 9
check "one length" [ "$(column 2) $(column 4) $(column 5)" = "1 0 0" ]
check "is all that there is" [ "$(awk 'NR == 2 { print ($3 == $6 && $3 == $7 && $3 == $8 && $3 == $9 && $3 == $10) }' out.txt)" = 1 ]
# The second sample alone would have another random image, so its length is found from the mean.
one=$(column 3)
lengths styles --samples 2 --seed 9
two=$(awk -v m="$(column 3)" -v a="$one" 'BEGIN { print 2 * m - a }')
check "a longer list begins with the shorter" awk -v a="$one" -v b="$two" -v s="$(column 4)" \
    'BEGIN { d = (a - b) ^ 2 / 2; exit !((d - s * s) ^ 2 < 1e-6 * s ^ 4) }'
check "the 25th percentile of two" near "$(column 7)" "$(awk -v a="$one" -v b="$two" 'BEGIN { l = a < b ? a : b; print l + ((a > b ? a : b) - l) / 4 }')" 1e-4
check "the 95th" near "$(column 10)" "$(awk -v a="$one" -v b="$two" 'BEGIN { l = a < b ? a : b; print l + ((a > b ? a : b) - l) * 0.95 }')" 1e-4

lengths styles stylegan2/ --samples 40 --out figure.png
expect 0 "40 path lengths of stylegan2"
check "a line for each run" [ "$(wc -l < out.txt) $(column 1 1) $(column 1 2)" = "3 styles stylegan2" ]
# shellcheck disable=SC2016 # awk's
check "percentiles ascend" awk 'NR > 1 && !($6 < $7 && $7 < $8 && $8 < $9 && $9 < $10 && $6 < $3 && $3 < $10) { exit 1 }' out.txt
check "a figure of two axes" [ "$(side figure.png 16) $(side figure.png 20)" = "900 680" ]
mv out.txt first.txt
lengths styles stylegan2 --samples=40 --out again.png
check "the same numbers again" cmp out.txt first.txt
check "the same figure" cmp figure.png again.png
lengths styles stylegan2 --samples 40 --seed 1 --out again.png
check "others of other seeds" [ "$(column 3)" != "$(awk 'NR == 2 { print $3 }' first.txt)" ]
lengths stylegan2 styles --samples 40 --out again.png
check "the order of runs changes nothing" [ "$(sed -n 3p out.txt)" = "$(sed -n 2p first.txt)" ]

# ---- what is refused ----
rm -f ./*.png
lengths
expect_error 2 'expected the folders of 1 to 8 runs, but 0 are given'
lengths a b c d e f g h i
expect_error 2 'but 9 are given'
lengths styles --samples 0
expect_error 2 '--samples must be from 1 to 1000000, but is "0"'
lengths styles --samples 1x
expect_error 2 '--samples must be from 1 to 1000000, but is "1x"'
lengths styles --seed -1
expect_error 2 '--seed must be from 0'
lengths styles --sample-count 3
expect_error 2 '--sample-count is no option, or lacks its value; usage: path_lengths RUN'
lengths styles --samples
expect_error 2 '--samples is no option, or lacks its value'
lengths styles --out figure.jpg
expect_error 2 'the figure goes to a .png file, not to figure.jpg'
lengths missing
expect_error 1 'missing holds no checkpoint'
mkdir empty
lengths styles empty
expect_error 1 'empty holds no checkpoint'
check "before anything was measured" [ ! -s out.txt ]
train plain "${TINY[@]}" --set train.kimg=0.1
lengths styles plain
expect_error 2 'path_lengths is for style-based generators (gan.style/1), which tiny has not'
for i in "error trouble was asked for" "shape the plugin gave styles of shape"; do
    train "${i%% *}" --plugin tiny_style "${faces[@]}" --set train.kimg=0.1 --set "model.trouble=${i%% *}"
    lengths "${i%% *}" --samples 3
    expect_error 1 "${i#* }"
done
check "no figure" [ -z "$(ls ./*.png 2>/dev/null)" ]
lengths styles --samples 3 --out missing/figure.png
expect 1 'cannot write missing/figure.png'
finish
