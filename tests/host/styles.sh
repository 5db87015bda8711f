#!/usr/bin/env bash
# Truncation, mixing, interpolation and projection: what they give is compared with `ganhost sample` of the same seeds.
# shellcheck source=harness.sh
. "$(dirname "$0")/harness.sh"
: "${CROP:?}"

train() # ARGUMENTS...: a run of a generator with four layers that take a style
{
    ganhost --plugin tiny_style --set data.count=300 --set threads=1 --set train.kimg=0.5 --set train.ema_kimg=0.1 "$@"
    check "a run" [ "$STATUS" = 0 ]
}
faces=(--set data.source=builtin:faces --set data.resolution=16)
train "${faces[@]}"
run=runs/00000-tiny_style-faces
seed() # N [OPTIONS...]: the image of a seed, seedN.png
{
    ganhost sample --run $run --seeds "$@" --out "seed$1.png"
    check "seed $1" [ "$STATUS" = 0 ]
}
number() # FILE OFFSET: four bytes, big-endian
{
    od -An -tu1 -j "$2" -N 4 "$1" | awk '{print (($1 * 256 + $2) * 256 + $3) * 256 + $4}'
}
square() # FIGURE X Y WANTED: the 16 x 16 pixels there are those of an image
{
    "$CROP" "$1" "$2" "$3" 16 cut.png && cmp cut.png "$4"
}
for i in 1 2 5 6 9; do
    seed $i
done

# ---- sample ----
ganhost sample --run $run --seeds 0-8 --out nine.png
check "what the training drew" cmp nine.png $run/fakes000000_512.png
ganhost sample --run $run --seeds 0-9 --out plain.png
ganhost sample --run $run --seeds 0-9 --out psi1.png --trunc 1
check "psi 1 changes nothing" cmp plain.png psi1.png
ganhost sample --run $run --seeds 0-9 --out default.png --noise const --trunc-cutoff 4
check "nor does what is the default" cmp plain.png default.png
ganhost sample --run $run --seeds 0-9 --out cutoff0.png --trunc 0 --trunc-cutoff 0
check "nor does psi 0 of no layer" cmp plain.png cutoff0.png
ganhost sample --run $run --seeds 0-39 --out psi0 --trunc 0
check "psi 0 gives an image for each seed" [ "$(ls psi0 | wc -l)" = 40 ]
check "which is one image" [ "$(cat psi0/*.png | cksum)" = "$(for i in $(seq 40); do cat psi0/seed000000.png; done | cksum)" ]
check "the average, that no seed gives" [ -n "$(cmp psi0/seed000000.png seed1.png)" ]
ganhost sample --run $run --seeds 0-39 --out coarse --trunc 0 --trunc-cutoff 2
check "psi 0 of two layers leaves the images different" [ "$(cd coarse && cksum -- * | cut -d' ' -f1 | sort -u | wc -l)" = 40 ]
for noise in random none; do
    ganhost sample --run $run --seeds 0-9 --out $noise.png --noise $noise
    ganhost sample --run $run --seeds 0-9 --out again.png --noise $noise
    check "noise $noise is other noise" [ -n "$(cmp plain.png $noise.png)" ]
    check "the same each time" cmp $noise.png again.png
done
ganhost sample --run $run --seeds 0-1100 --out many
check "more than fit into memory at once" cmp many/seed000001.png seed1.png
check "to the last" [ "$(ls many | wc -l)" = 1101 ]
ganhost sample --run $run --trunc x
expect_error 2 '--trunc must be from -100 to 100, but is "x"'
ganhost sample --run $run --trunc nan
expect_error 2 '--trunc must be from -100 to 100, but is "nan"'
ganhost sample --run $run --trunc-cutoff 5
expect_error 2 '--trunc-cutoff is 5, but this generator has 4 layers'
ganhost sample --run $run --noise loud
expect_error 2 '--noise is const, random or none, but not "loud"'

# ---- mix ----
ganhost mix --run $run --rows 1,2 --cols 5,6 --layers 0-3
expect 0 "4 mixtures of $run/checkpoints/000000_512.safetensors: $run/mix.png"
for i in "-16 -16 6" "-16 -33 6" "-33 -16 5" "-33 -33 5" "-52 -16 2" "-52 -33 1"; do
    # shellcheck disable=SC2086
    set -- $i
    check "all layers give the column's image ($i)" square $run/mix.png "$1" "$2" "seed$3.png"
done
ganhost mix --run $run --rows 2 --cols 6 --layers 3 --out fine.png
ganhost mix --run $run --rows 6 --cols 2 --layers 0-2 --out rest.png
"$CROP" fine.png -16 -16 16 mixture.png
check "fine layers of one are the other layers of the other" square rest.png -16 -16 mixture.png
check "which is neither of them" [ -n "$(cmp mixture.png seed2.png)$(cmp mixture.png seed6.png)" ]
ganhost mix --run $run --rows 1,2 --cols 5,6,9 --layers 0,1-2,3- --out all.png
expect 0 "18 mixtures"
ganhost mix --run $run --rows 1,2 --cols 5,6,9 --layers 3-3 --out last.png
"$CROP" last.png -33 -16 16 mixture.png
check "a table for each range, the last at the bottom" square all.png -33 -16 mixture.png
ganhost mix --run $run --rows 1,2 --cols 5,6 --layers 0-1 --trunc 0 --out average.png
check "psi 0 mixes the average with itself" square average.png -33 -33 psi0/seed000000.png
ganhost mix --run $run --rows 1 --cols 2 --layers 2-4
expect_error 2 "--layers takes ranges of this generator's 4 layers, 0 to 3, such as 0-1,2-3,4-, at most 64, but is \"2-4\""
for wrong in 4 4- 3-2 0,,1 '0-1,' -1 a 0-18446744073709551616; do
    ganhost mix --run $run --rows 1 --cols 2 --layers=$wrong
    expect_error 2 "4 layers"
done
ganhost mix --run $run --rows 1 --cols 2
expect_error 2 'which layers are the column'
ganhost mix --run $run --cols 2 --layers 0
expect_error 2 'which images are mixed? Give --rows SEEDS'
ganhost mix --run $run --rows 1-2000 --cols 2 --layers 0
expect_error 2 '--rows takes numbers and ranges such as 0-63 or 1,5,9-12, at most 1000'
ganhost mix --run $run --rows 1 --cols 2 --layers 0 --out mix.jpg
expect_error 2 'the figure goes to a .png file, not to mix.jpg'
ganhost mix --run missing --rows 1 --cols 2 --layers 0
expect_error 1 'missing holds no checkpoint'

# ---- interpolate ----
for space in z w; do
    ganhost interpolate --run $run --seeds 1,5,9 --frames 21 --space $space --fps 10 --out $space
    expect 0 "21 frames of $run/checkpoints/000000_512.safetensors: $space, and $space/animation.png"
    check "numbered frames" [ "$(ls $space | tr '\n' ' ')" = "animation.png $(seq -f 'frame%04g.png' -s ' ' 0 20) " ]
    check "$space begins with the first seed" cmp $space/frame0000.png seed1.png
    check "has the second in the middle" cmp $space/frame0010.png seed5.png
    check "ends with the last" cmp $space/frame0020.png seed9.png
    check "as many in the animation" [ "$(number $space/animation.png 41)" = 21 ]
    check "with nothing twice" [ "$(cd $space && cksum -- frame* | cut -d' ' -f1 | sort -u | wc -l)" = 21 ]
done
check "z and w are two ways" [ -n "$(cmp z/frame0005.png w/frame0005.png)" ]
ganhost interpolate --run $run --seeds 1,5 --frames 8 --loop --out z
check "an earlier animation's frames are gone" [ "$(ls z | wc -l)" = 9 ]
check "a loop has the second seed half way" cmp z/frame0004.png seed5.png
check "and is symmetric for two seeds" cmp z/frame0001.png z/frame0007.png
ganhost interpolate --run $run --seeds 5,5 --frames 4 --space z --out still
for i in 0 1 2 3; do
    check "a way to where one is" cmp still/frame000$i.png seed5.png
done
ganhost interpolate --run $run --seeds 1,5 --frames 3 --trunc 0 --out still
check "truncated" cmp still/frame0001.png psi0/seed000000.png
# Rounding depends on how many images are made at once; of wide convolutions it is seen in some bytes.
GAN_PLUGIN_PATH=$FIXTURES:${PLUGINS:?} ganhost --plugin stylegan2 --out wide --set data.source=builtin:faces --set data.count=16 \
    --set data.resolution=32 --set train.batch=8 --set train.kimg=0.008 --set train.ema_kimg=0 --set threads=1 \
    --set model.fmap_base=1024 --set model.fmap_max=64 --set model.latent=64 --set model.w_width=64
for space in z w; do
    GAN_PLUGIN_PATH=$PLUGINS ganhost interpolate --run wide/0* --seeds 0-11 --frames 12 --space $space --out wide/$space
    for i in $(seq 0 11); do
        GAN_PLUGIN_PATH=$PLUGINS ganhost sample --run wide/0* --seeds "$i" --out wide/one.png
        check "$space: at a seed, its image to the last bit ($i)" cmp wide/one.png wide/$space/frame00"$(printf %02d "$i")".png
    done
done
ganhost interpolate --run $run
expect_error 2 'Give --seeds'
ganhost interpolate --run $run --seeds 7
expect_error 2 '--seeds must name two seeds at least'
ganhost interpolate --run $run --seeds 1,2 --frames 10001
expect_error 2 '--frames must be from 2 to 10000, but is "10001"'
ganhost interpolate --run $run --seeds 1,2 --space x
expect_error 2 '--space is z or w, but not "x"'
ganhost interpolate --run $run --seeds 1,2 --fps 0
expect_error 2 '--fps must be from 0.1 to 1000, but is "0"'

# ---- project ----
losses() # the loss and the average's, of the last `ganhost project`
{
    sed -nE 's/.*loss ([^ ]*) after .*average image.s is ([^)]*)\).*/\1 \2/p' err.txt
}
ganhost project --run $run --target seed5.png --steps 300 --frames 11
expect 0 "after 300 steps"
check "an image of the generator's own is found again" awk -v l="$(losses)" 'BEGIN { split(l, v); exit !(v[1] < 0.01 * v[2] && v[2] > 0.01) }'
found=$run/projection
check "the target" cmp $found/target.png seed5.png
check "the average first" cmp $found/frame0000.png psi0/seed000000.png
check "the result last" cmp $found/frame0010.png $found/projected.png
check "11 frames" [ "$(ls $found/frame* | wc -l) $(number $found/animation.png 41)" = "11 11" ]
ganhost sample --run $run --w $found/projected.safetensors --out w.png
check "the w that was found gives its image" cmp w.png $found/projected.png
ganhost sample --run $run --w $found/projected.safetensors --out w --trunc 0
check "and is truncated as others" cmp w/w000000.png psi0/seed000000.png
ganhost project --run $run --target seed5.png --steps 300 --frames 11 --out again
check "the same again" cmp $found/projected.safetensors again/projected.safetensors
ganhost project --run $run --target seed5.png --steps 300 --frames 2 --seed 1 --out other
values() # FILE: the w in it, 4 layers of 5 values
{
    tail -c 80 "$1" | cksum
}
check "another with another seed" [ "$(values again/projected.safetensors)" != "$(values other/projected.safetensors)" ]
ganhost project --run $run --target mixture.png --steps 300 --frames 2 --out one
one=$(losses)
ganhost project --run $run --target mixture.png --steps 300 --frames 2 --out each --layers-w
check "a mixture is nearer with a w for each layer" awk -v a="$one" -v b="$(losses)" 'BEGIN { exit !(b + 0 < 0.1 * a) }'
ganhost project --run $run --target seed5.png --steps 1 --out short
check "no more frames than steps" [ "$(ls short/frame*)" = "$(printf 'short/frame%s.png\n' 0000 0001)" ]

# A picture is cut and scaled as data are.
photo=$SOURCE/tests/fixtures/fit/photo.png
mkdir photos
cp "$photo" photos
ganhost data pack photos photos.zip --resolution 16 --quiet
ganhost project --run $run --target "$photo" --steps 1 --out photo
skip_bytes=$((31 + $(od -An -tu1 -j 26 -N 4 photos.zip | awk '{print $1 + 256 * $2 + $3 + 256 * $4}')))
check "cut and scaled" sh -c "tail -c +$skip_bytes photos.zip | head -c $(wc -c < photo/target.png) | cmp - photo/target.png"
ganhost project --run $run --target "$SOURCE/tests/fixtures/jpeg/grey.jpg" --steps 1 --out grey
expect 0 "grey/projected.png"
check "grey to colour" [ "$(od -An -tu1 -j 25 -N 1 grey/target.png | tr -d ' ')" = 2 ]

ganhost project --run $run
expect_error 2 'Give --target FILE'
ganhost project --run $run --target missing.png
expect_error 1 'missing.png'
head -c 200 seed5.png > cut.png
ganhost project --run $run --target cut.png
expect_error 1 'cut.png'
ganhost project --run $run --target $run/config.yaml
expect_error 1 'config.yaml'
ganhost project --run $run --target seed5.png --steps 0
expect_error 2 '--steps must be from 1 to 1000000, but is "0"'

# ---- files of styles ----
ganhost sample --run $run --w missing.safetensors
expect_error 1 'missing.safetensors'
ganhost sample --run $run --w seed5.png
expect_error 1 'seed5.png'
ganhost sample --run $run --w $run/checkpoints/000000_512.safetensors
expect_error 1 'holds no tensor "w", as ganhost project writes it'
ganhost sample --run $run --w "$SOURCE/tests/fixtures/safetensors/conv.safetensors"
check "of another kind" [ "$STATUS" = 1 ]
ganhost sample --run $run --w $found/projected.safetensors --seeds 5
expect_error 2 '--w is drawn instead of --seeds; give one of them'

# ---- Ctrl-C ends with what there is ----
interrupt() # COMMAND...: Ctrl-C once the first frames are there
{
    set -m
    "$GANHOST" "$@" --out broken > out.txt 2> err.txt &
    local child=$!
    for i in $(seq 200); do
        [ -s broken/frame0001.png ] && break
        sleep 0.05
    done
    kill -INT $child
    wait $child
    STATUS=$?
    set +m
    expect 130 "interrupted; "
    check "as many frames as the animation says" [ "$(ls broken/frame* | wc -l)" = "$(number broken/animation.png 41)" ]
    check "nothing half-written" [ -z "$(find broken -name '*tmp*')" ]
}
interrupt interpolate --run $run --seeds 1,5 --frames 10000
rm -r broken
interrupt project --run $run --target seed5.png --steps 1000000 --frames 10000
ganhost sample --run $run --w broken/projected.safetensors --out w.png
check "the w so far" cmp w.png broken/projected.png

# ---- classes ----
train --set data.source=builtin:digits
run=runs/00001-tiny_style-digits
ganhost sample --run $run --seeds 0-2 --out classes
check "each seed for each class" [ "$(ls classes | wc -l) $(cat classes/*/* | wc -c)" != "10 0" ]
seed 1 --class 3
seed 5 --class 3
ganhost interpolate --run $run --seeds 1,5 --frames 3 --class 3 --out digits
check "an interpolation of a class" cmp digits/frame0000.png seed1.png
check "to its end" cmp digits/frame0002.png seed5.png
ganhost interpolate --run $run --seeds 1,5 --frames 3 --out digits
check "class 0 without --class" cmp digits/frame0000.png classes/0/seed000001.png
ganhost mix --run $run --rows 1 --cols 5 --layers 0- --class 3 --out mix.png
check "a mixture of a class" sh -c "'$CROP' mix.png -28 -28 28 cut.png && cmp cut.png seed5.png"
ganhost mix --run $run --rows 1 --cols 5 --layers 0 --class 10
expect_error 2 '--class must be from 0 to 9, but is "10"'

# ---- plugins that have no styles, or wrong ones ----
ganhost "${TINY[@]}" --set train.kimg=0.5
run=runs/00002-tiny-ring8
ganhost sample --run $run --trunc 0.5
expect_error 2 '--trunc is for style-based generators (gan.style/1), which tiny has not'
ganhost sample --run $run --noise none
expect_error 2 '--noise is for style-based generators'
ganhost sample --run $run --w again/projected.safetensors
expect_error 2 '--w is for style-based generators'
ganhost mix --run $run --rows 1 --cols 2 --layers 0
expect_error 2 'ganhost mix is for style-based generators'
ganhost interpolate --run $run --seeds 1,2
expect_error 2 'ganhost interpolate is for style-based generators'
ganhost project --run $run --target again/target.png
expect_error 2 'ganhost project is for style-based generators'
for i in "error trouble was asked for" "shape the plugin gave styles of shape" "info the plugin tiny_style says that its styles are 4 layers"; do
    train "${faces[@]}" --set "model.trouble=${i%% *}"
    # shellcheck disable=SC2012
    ganhost interpolate --run "$(ls -d runs/* | tail -1)" --seeds 1,2
    expect_error 1 "${i#* }"
done
finish
