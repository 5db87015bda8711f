#!/usr/bin/env bash
# Samples from a checkpoint: a grid, single files, values; the same seeds give the same samples.
# shellcheck source=harness.sh
. "$(dirname "$0")/harness.sh"

ganhost --plugin tiny_labels --set data.source=builtin:digits --set data.count=300 --set threads=1 --set train.kimg=0.5 --set train.ema_kimg=0.1 --set train.grid=20
run=runs/00000-tiny_labels-digits
size() # FILE: "width height" of a PNG
{
    od -An -tu1 -j 16 -N 8 "$1" | awk '{print $3 * 256 + $4, $7 * 256 + $8}'
}

ganhost sample --run $run
expect 0 "100 samples of $run/checkpoints/000000_512.safetensors: $run/samples.png"
check "a row of ten for each class" [ "$(size $run/samples.png)" = "$((10 * 28 + 9)) $((10 * 28 + 9))" ]
ganhost sample --run $run --grid 8x8
expect 0 "64 samples of $run/checkpoints/000000_512.safetensors: $run/samples.png"
check "a grid of 8 by 8" [ "$(size $run/samples.png)" = "$((8 * 28 + 7)) $((8 * 28 + 7))" ]
ganhost sample --run $run --seeds 0-1 --out two.png
check "what the training drew" cmp two.png $run/fakes000000_512.png
ganhost sample --run $run --seeds 0-2 --out classes
check "a folder for each class" [ "$(cd classes && ls -d -- */* | wc -l)" = 30 ]
check "of each seed" [ -s classes/9/seed000002.png ]
ganhost sample --run $run --seeds 0-6999
expect_error 2 '7000 seeds for each of 10 classes are more than 65536 samples; give --class'
ganhost sample --run $run --class 3 --seeds 3,7-9 --out each
check "a file for each seed" [ "$(ls each | tr '\n' ' ')" = "seed000003.png seed000007.png seed000008.png seed000009.png " ]
check "of one image" [ "$(size each/seed000007.png)" = "28 28" ]
ganhost sample --checkpoint $run/checkpoints/000000_512.safetensors --class 3 --seeds 3,7-9 --out again
check "the same again" diff -r each again
ganhost sample --run $run --class 3 --out three.png
check "a class" [ "$STATUS" = 0 ]
ganhost sample --run $run --class 10
expect_error 2 '--class must be from 0 to 9, but is "10"'
ganhost sample --run missing
expect_error 1 'missing holds no checkpoint'
ganhost sample --run $run --out missing/x.png
expect_error 1 'missing/x.png'

ganhost --plugin good_1_0 --set data.source=builtin:ring8 --set train.kimg=0.5 --set threads=1
run=runs/00001-good_1_0-ring8
ganhost sample --run $run
check "a scatter plot of vectors" [ -s $run/samples.png ]
ganhost sample --run $run --out values.csv --seeds 0-99
check "values" [ "$(grep -Ecx -- '-?[0-9.e+-]+,-?[0-9.e+-]+' values.csv)" = 100 ]
ganhost sample --run $run --out values2.csv --seeds 50-99
check "of the same seeds are the same" sh -c 'tail -50 values.csv | cmp - values2.csv'
ganhost sample --run $run --out folder
expect_error 2 'samples of vectors go to a .png or a .csv file'
ganhost sample --run $run --class 1
expect_error 2 'the plugin good_1_0 does not use labels'
ganhost sample --run $run --quiet
check "--quiet is quiet" [ ! -s err.txt ]
finish
