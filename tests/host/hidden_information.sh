#!/usr/bin/env bash
# bench/hidden_information.c: what is measured against what is known, what is printed and drawn, and what is refused.
# shellcheck source=harness.sh
. "$(dirname "$0")/harness.sh"
[ -n "${HIDDEN_INFORMATION:-}" ] || skip "there are no benchmarks in this build"
export GAN_PLUGIN_PATH=$FIXTURES:${PLUGINS:?}

hidden() # ARGUMENTS...: as `ganhost` of the harness
{
    "$HIDDEN_INFORMATION" "$@" > out.txt 2> err.txt < /dev/null
    STATUS=$?
}
train() # OUT ARGUMENTS...: one small run, in OUT
{
    ganhost --out folder "${@:2}" --set threads=1
    check "a run" [ "$STATUS" = 0 ]
    mv folder/* "$1"
}
value() # ROW COLUMN [FILE]: of the CSV file
{
    awk -F, -v row="$1" -v n="$2" '$1 == row { print $n }' "${3:-hidden_information.csv}"
}
near() # A B TOLERANCE
{
    awk -v a="$1" -v b="$2" -v t="$3" 'BEGIN { exit !(a != "" && b != "" && (a - b) ^ 2 <= t * t) }'
}
side() # PNG OFFSET: its width (16) or height (20)
{
    od -An -tu1 -j"$2" -N4 "$1" | awk '{ print $3 * 256 + $4 }'
}

faces=(--set data.source=builtin:faces --set data.source_b=builtin:sketches --set data.count=64 --set data.resolution=32)
small=(--set train.kimg=0.02 --set train.grid=8)
net=(--set model.g_width=4 --set model.d_width=4 --set model.blocks=1 --set model.pool=2)
train hiding --plugin pairs_hiding "${faces[@]}" "${small[@]}"
train cyclegan --plugin cyclegan "${faces[@]}" "${small[@]}" "${net[@]}" --set train.ema_kimg=0.01

# ---- a signal that is known: an image of B is that of A, 64 times as faint ----
hidden hiding
expect 0 ''
expect_out 'Images: 64 of those that are held out, translated A to B and back by hiding/checkpoints/'
check "nothing is lost of what is left as it is" near "$(value 'left as it is' 4)" 0 1e-6
check "nothing has no multiple" [ "$(value '8 bits' 7)" = "" ]
while IFS=, read -r name change _ error _; do
    check "$name: what is lost is 64 times as large" near "$error" "$(awk -v c="$change" 'BEGIN { print 64 * c }')" 2e-4
done < <(tail -n +2 hidden_information.csv)
# Rounded to grey levels, values are a quarter of one off; normal noise is sqrt(2 / pi) sigma.
check "8 bits" near "$(value '8 bits' 3)" 0.25 0.02
for sigma in 1 2 4 8; do
    check "noise of $sigma" near "$(value "noise of sigma $sigma" 3)" "$(awk -v s="$sigma" 'BEGIN { print 0.797885 * s }')" "0.0$sigma"
done
hidden hiding --direction BtoA --count 3 --out back
check "the other way nothing is faint, and white and black are cut off" near "$(value '8 bits' 4 back.csv)" "$(value '5 bits' 4 back.csv)" 0.001
check "which is lost" awk -v e="$(value '8 bits' 4 back.csv)" 'BEGIN { exit !(e > 0.1) }'

# ---- a model that was trained ----
hidden cyclegan
expect 0 ''
for domain in a-AtoB b-BtoA; do
    hidden cyclegan --direction "${domain#*-}" --out "$domain"
    expect 0 ''
    known=$(tail -n 1 cyclegan/stats.jsonl | sed "s/.*\"test_cycle_${domain%-*}\": \([0-9.]*\).*/\1/")
    check "$domain: the training measured the same, $known" near "$(value 'left as it is' 4 "$domain.csv")" "$known" 1e-5
done
check "thirteen rows and a head" [ "$(wc -l < hidden_information.csv)" = 14 ]
check "the table is the file" near "$(awk -F'|' '$2 == " blur of sigma 2 " { print $5 }' out.txt)" "$(value 'blur of sigma 2' 4 b-BtoA.csv)" 1e-5
check "the ratio" near "$(value '4 bits' 7)" "$(awk -v a="$(value '4 bits' 4)" -v b="$(value 'left as it is' 4)" 'BEGIN { print a / b }')" 1e-4
check "eight columns of images of 96 pixels" [ "$(side hidden_information.png 16)" -ge $((8 * 96)) ]
check "five rows of them" [ "$(side hidden_information.png 20)" -ge $((5 * 96 + 300)) ]
cp hidden_information.csv first.csv
hidden cyclegan
check "again the same" cmp hidden_information.csv first.csv

# ---- other images ----
hidden cyclegan --input builtin:sketches --direction btoa --count 3 --out sketches
expect_out 'Images: 3 of builtin:sketches, translated B to A and back'
check "of few images the figure has room for its plot" [ "$(side sketches.png 16)" -ge 720 ]
mkdir one
"${CROP:?}" cyclegan/reals.png 30 30 40 one/a.png > /dev/null
hidden cyclegan --input one --out one_image
expect_out 'Images: 1 of one, translated A to B and back'
check "one image has no deviation" near "$(value '8 bits' 6 one_image.csv)" 0 0

# ---- what is refused ----
rm -f ./*.png ./*.csv
hidden
expect_error 2 'expected the folder of one run, but 0 are given; usage: hidden_information RUN'
hidden cyclegan hiding
expect_error 2 'but 2 are given'
hidden cyclegan --direction up
expect_error 2 '--direction is AtoB or BtoA, but not "up"'
hidden cyclegan --count 0
expect_error 2 '--count must be from 1 to 65536, but is "0"'
hidden cyclegan --number 3
expect_error 2 '--number is no option, or lacks its value'
hidden cyclegan --out
expect_error 2 '--out is no option, or lacks its value'
hidden missing
expect_error 1 'missing holds no checkpoint'
hidden cyclegan --input missing
expect_error 1 'missing'
hidden cyclegan --input builtin:ring8
expect_error 1 'builtin:ring8'
mkdir none
hidden cyclegan --input none
expect_error 1 'none'
train plain "${TINY[@]}" --set train.kimg=0.1
hidden plain
expect_error 2 'the run plain is of the plugin tiny, which does not translate between two domains'
mkdir -p two/trainA two/trainB
for i in 1 2 3 4; do
    "${CROP:?}" cyclegan/reals.png $((30 + i)) 30 40 two/trainA/$i.png > /dev/null
    "${CROP:?}" cyclegan/reals.png $((30 + i)) 40 40 two/trainB/$i.png > /dev/null
done
train alone --plugin cyclegan --set data.source="$PWD/two" --set data.resolution=32 "${net[@]}" --set train.kimg=0.004 --set train.grid=8
hidden alone
expect_error 2 'the run alone holds no images out; give some with --input'
check "nothing was measured" [ ! -s out.txt ]
check "no files" [ -z "$(ls ./*.png ./*.csv 2> /dev/null)" ]
hidden alone --input two/trainA --out missing/figure
expect 1 'missing/figure.csv'
finish
