#!/usr/bin/env bash
# Two domains: where they come from, what a run shows and measures of them, exact resumption, and what is refused.
# shellcheck source=harness.sh
. "$(dirname "$0")/harness.sh"
: "${CROP:?}"

PAIRS=(--set threads=1 --set train.kimg=0.24 --set train.snapshot_kimg=0.12 --set train.report_kimg=0.04
    --set train.checkpoint_kimg=0.06 --set train.keep=100 --set train.ema_kimg=0.05)
FACES=("${PAIRS[@]}" --set data.source=builtin:faces --set data.source_b=builtin:sketches --set data.count=40
    --set data.resolution=16)
width() # PNG
{
    od -An -tu4 --endian=big -j16 -N4 "$1" | tr -d ' '
}
height() # PNG
{
    od -An -tu4 --endian=big -j20 -N4 "$1" | tr -d ' '
}
measured() # RUN: names of what was measured on held-out images
{
    grep '"test_' "$1/stats.jsonl" | sed 's/.*"metrics": //; s/: [0-9.]*//g' | sort -u
}
values() # RUN METRIC
{
    sed -n "s/.*\"$2\": \([0-9.]*\).*/\1/p" "$1/stats.jsonl"
}

# ---- two builtin sources ----
ganhost --plugin tiny_pairs "${FACES[@]}"
expect 0 "data    faces-sketches: 40 images of 16x16x3, and 40 of the second domain; 64 and 64 are held out, as pairs that show the same"
whole=runs/00000-tiny_pairs-faces-sketches
check "a line at each snapshot" [ "$(grep -c '"metrics": {"test_cycle_a"' $whole/stats.jsonl)" = 3 ]
check "with the errors" [ "$(measured $whole)" = '{"test_cycle_a", "test_cycle_b", "test_error_ab", "test_error_ba"}}' ]
check "recovery gets better" [ "$(values $whole test_cycle_a | sort -r)" = "$(values $whole test_cycle_a)" ]
check "they are in the log" grep -q "from the true counterpart 0[.].* untranslated 0[.]" $whole/log.txt
check "a snapshot is eight columns" [ "$(width $whole/fakes000000.png)" = $((8 * 96 + 8 * 3 + 3 * 3)) ]
check "of an eighth of train.grid rows" [ "$(height $whole/fakes000000.png)" = $((2 * 99 + 14)) ]
check "real images too" [ "$(width $whole/reals.png)" = $((8 * 96 + 8 * 3 + 3 * 3)) ]
check "losses.png has the plugin's charts" [ "$(height $whole/losses.png)" = 680 ]
grep -q count_b "$(find $whole -name 000000_240.safetensors)"
check "the size of the second domain is in a checkpoint" [ $? = 0 ]

# Of faces the second domain goes without saying.
ganhost --plugin tiny_pairs "${FACES[@]}" --set data.source_b= --set data.source=builtin:sketches --dry-run
expect_out "data     sketches-faces: 40 images of 16x16x3, and 40 of the second domain; 64 and 64 are held out, as pairs"

# What is held out is not touched by training, nor training by it.
ganhost --plugin tiny_pairs "${FACES[@]}" --set train.test=0
expect 0 "done: 0.2 kimg"
check "the same training" "$COMPARE" {$whole,runs/00001-*}/checkpoints/000000_240.safetensors
check "and nothing measured" [ -z "$(measured runs/00001-*)" ]
ganhost --plugin tiny_pairs "${FACES[@]}" --set train.test=1000 --set train.kimg=0.01
expect 0 "1,000 and 1,000 are held out"
# Before any training of generators that are not far from linear, what is measured is the same over any data.
ganhost --plugin tiny_pairs "${FACES[@]}" --set train.test=64 --set data.count=50 --set train.kimg=0.01
check "held-out images do not depend on what is trained on" \
    [ "$(values runs/00003-* test_error_ab | head -1)" = "$(values $whole test_error_ab | head -1)" ]

# ---- folders ----
ganhost --plugin tiny --set data.source=builtin:faces --set data.resolution=16 --set train.grid=36 --set threads=1 \
    --set train.kimg=0.02 --out tiles
cell() # INDEX OUT.png
{
    local row=$(($1 / 6)) column=$(($1 % 6))
    "$CROP" tiles/00000-*/reals.png $((column * 17)) $((row * 17)) 16 "$2"
}
mkdir -p set/trainA set/trainB set/testA set/testB
for i in 0 1 2 3 4 5 6; do cell "$i" "set/trainA/$i.png"; done
for i in $(seq 10 22); do cell "$i" "set/trainB/$i.png"; done
for i in 30 31 32; do cell "$i" "set/testA/$i.png"; cell $((i + 3)) "set/testB/$i.png"; done
FOLDER=("${PAIRS[@]}" --set data.source=set --set data.resolution=8 --set data.crop=random --set data.enlarge=1.5
    --set data.mirror=true)
ganhost --plugin tiny_pairs "${FOLDER[@]}" --out folder
expect 0 "data    set: 7 images of 8x8x3, and 13 of the second domain; 3 and 3 are held out, as pairs that show the same"
whole=folder/00000-tiny_pairs-set
check "with the errors" [ "$(measured $whole)" = '{"test_cycle_a", "test_cycle_b", "test_error_ab", "test_error_ba"}}' ]
for last in 000000_060 000000_120 000000_180; do
    cut_run $whole part $last
    ganhost --resume part
    expect 0 "resumed from part/checkpoints/$last.safetensors"
    check "the same from $last on" same_runs $whole part 000000_240.safetensors
done

# Another layout of the same is the same data.
mkdir -p other/train other/test
cp -r set/trainA other/train/A
cp -r set/trainB other/train/B
cp -r set/testA other/test/A
cp -r set/testB other/test/B
cut_run $whole part 000000_120
ganhost --resume part --set data.source=other
expect 0 "done: 0.2 kimg"
check "the same from another folder" same_runs $whole part 000000_240.safetensors
cut_run $whole part 000000_120
ganhost --resume part --set data.source=set/trainA --set data.source_b=set/trainB
expect 0 "13 of the second domain; none are held out"
check "the same from two folders" "$COMPARE" {$whole,part}/checkpoints/000000_240.safetensors
check "nothing is held out of them" [ "$(grep -c '"test_' part/stats.jsonl)" = 2 ]

# Other data is refused.
cut_run $whole part 000000_120
cp set/trainB/10.png other/train/B/99.png
ganhost --resume part --set data.source=other
expect_error 1 "the second domain has 14 samples, but this run was begun on 13"
rm other/train/B/99.png other/train/A/6.png
ganhost --resume part --set data.source=other
expect_error 1 "has 6 images of 8x8x3, but this run was begun on 7 images of 8x8x3"

# Counterparts are files of the same names, whatever their kinds.
mv set/testB/31.png set/testB/31.PNG
ganhost --plugin tiny_pairs "${FOLDER[@]}" --set train.kimg=0.01 --out names
expect 0 "as pairs that show the same"
mv set/testB/31.PNG set/testB/311.png
ganhost --plugin tiny_pairs "${FOLDER[@]}" --set train.kimg=0.01 --out names
expect 0 "3 and 3 are held out"
check "other names are no counterparts" [ "$(measured names/00001-*)" = '{"test_cycle_a", "test_cycle_b"}}' ]
rm set/testB/311.png
ganhost --plugin tiny_pairs "${FOLDER[@]}" --set train.kimg=0.01 --out names
expect 0 "3 and 2 are held out"
check "nor are more of them" [ "$(measured names/00002-*)" = '{"test_cycle_a", "test_cycle_b"}}' ]

# Where nothing is held out, what is trained on is shown.
rm -r set/testA set/testB
ganhost --plugin tiny_pairs "${FOLDER[@]}" --set train.kimg=0.01 --out names
expect 0 "none are held out"
check "and not measured" [ -z "$(measured names/00003-*)" ]
check "but shown" [ "$(width names/00003-*/fakes000000_012.png)" = $((8 * 96 + 8 * 3 + 3 * 3)) ]

# ---- grey beside colour ----
mkdir -p mixed/train/A mixed/train/B
for i in 0 1 2 3; do
    cp "$SOURCE/tests/fixtures/png/grey.png" "mixed/train/A/$i.png"
    cp "$SOURCE/tests/fixtures/png/rgb.png" "mixed/train/B/$i.png"
done
ganhost --plugin tiny_pairs "${PAIRS[@]}" --set data.source=mixed --dry-run
expect 0 ''
expect_out "data     mixed: 4 images of 11x7x3, and 4 of the second domain; none are held out, checked"
expect_out "g_ab, input [4, 7, 11, 3]"
ganhost --plugin tiny_pairs "${PAIRS[@]}" --set data.source=mixed --set data.channels=1 --dry-run
expect_out "4 images of 11x7x1, and 4 of the second domain"

# ---- refused ----
refused() # TEXT OPTION...
{
    local text=$1
    shift
    ganhost "$@" --out none
    expect_error 1 "$text"
}
two=(--plugin tiny_pairs --set threads=1)
refused 'data of two domains, but builtin:digits is one: give the second as data.source_b' "${two[@]}" --set data.source=builtin:digits
refused 'tiles: expected folders train/A and train/B, or trainA and trainB' \
    "${two[@]}" --set data.source=tiles
refused 'nowhere: cannot be opened as a folder' "${two[@]}" --set data.source=nowhere
rm -r mixed/train/B
refused 'there is a folder train/A, but train/B was looked for' "${two[@]}" --set data.source=mixed
refused 'set has 20 images of 16x16x3: set data.resolution' "${two[@]}" --set data.source=builtin:faces --set data.source_b=set
refused 'the plugin tiny_pairs translates images, but builtin:ring8 holds vectors of 2 values' \
    "${two[@]}" --set data.source=builtin:faces --set data.source_b=builtin:ring8
refused 'batch of 8 is larger than the data set trainA, which has 7 samples' --plugin tiny_pairs "${FOLDER[@]}" --set train.batch=8
refused 'train.swd measures samples of a generator, but the plugin tiny_pairs translates: set train.swd=0' \
    --plugin tiny_pairs "${FACES[@]}" --set train.swd=10
refused 'data.source_b is builtin:faces, but the plugin tiny learns from one domain' "${TINY[@]}" --set data.source_b=builtin:faces
refused 'pairs_bare.so has no get_extension, which plugin interface 1.0 asks for where a plugin needs two domains' \
    "${FACES[@]}" --plugin pairs_bare
for variant in untranslated short; do
    refused 'does not offer gan.translate/1 as this ganhost knows it' "${FACES[@]}" --plugin "$FIXTURES/pairs_$variant.so"
done
refused 'multiples of 0 and at least 1, expected numbers of 1 or more' "${FACES[@]}" --plugin "$FIXTURES/pairs_wrong.so"
refused "multiples of 48 and at least 1, but the data's are 16x16: set data.resolution" \
    "${FACES[@]}" --plugin "$FIXTURES/pairs_large.so"
echo words > set/trainB/10.png
refused 'trainB/10.png: expected a PNG or JPEG file' "${two[@]}" --set data.source=set
check "nothing was written" [ ! -e none ]

# ---- translations that are none ----
ganhost --plugin tiny_pairs "${FACES[@]}" --set model.trouble=error --out trouble
expect 1 "cannot translate: trouble was asked for"
ganhost --plugin tiny_pairs "${FACES[@]}" --set model.trouble=shape --out trouble
expect 1 "cannot translate: the plugin gave translations of shape [2, 768] instead of [2, 16, 16, 3]"
ganhost --plugin tiny_pairs "${FACES[@]}" --set model.trouble=nothing --out trouble
expect 1 "cannot translate: the plugin gave no translation"

# ---- commands of generators ----
run=folder/00000-tiny_pairs-set
for command in "sample" "interpolate --seeds 1,2" "mix --rows 1 --cols 2 --layers 0" "project --target other/train/A/0.png"; do
    # shellcheck disable=SC2086 # words
    ganhost $command --run $run --out none.png
    expect 2 "the plugin tiny_pairs translates images and generates none of its own: use ganhost translate"
done

# ---- looked at ----
ganhost describe tiny_pairs
expect_out "of two domains"
ganhost data check other
expect 0 ''
expect_out 'domains   two'
for part in 'A, to train on' 'B, to train on' 'A, held out' 'B, held out'; do expect_out "domain    $part"; done
expect_out 'source    other/test/B'
expect_out 'samples   13'
check "no classes" sh -c '! grep -q classes out.txt'
ganhost data check set
expect 1 'set/trainB/10.png: expected a PNG or JPEG file'
expect 1 'ganhost: set: some files are wrong'
expect_out 'nothing is held out'
expect_out 'wrong     1'
cp "$SOURCE/tests/fixtures/png/grey.png" set/trainB/10.png
ganhost data check set
expect_out 'The parts differ in size; training needs data.resolution.'
ganhost data check set --resolution 8 --set data.source_b=set
expect 2 'data.source_b says nothing about one source'
ganhost --plugin tiny --set data.source=other --set threads=1 --set train.kimg=0.02 --set data.resolution=8 --out one
expect 0 "note    this folder has two domains, which the plugin tiny takes as one; to learn one of them, give $SCRATCH/other/train/A"
finish
