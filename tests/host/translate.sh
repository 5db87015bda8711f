#!/usr/bin/env bash
# Translation: names and sizes are kept, what cannot be read is told of and left out, nothing that is read is overwritten,
# counterparts and recovered images are measured, Ctrl-C leaves whole files.
# shellcheck source=harness.sh
. "$(dirname "$0")/harness.sh"
: "${PLUGINS:?}"
set -m # without job control, a shell's background jobs ignore SIGINT

FACES=(--set data.source=builtin:faces --set data.source_b=builtin:sketches --set data.count=20 --set threads=1
    --set train.grid=1)
ganhost --plugin tiny_pairs "${FACES[@]}" --set data.resolution=16 --set train.kimg=0.2
check "a run" [ "$STATUS" = 0 ]
run=runs/00000-tiny_pairs-faces-sketches
size() # PNG: "16x16"
{
    od -An -tu4 --endian=big -j16 -N8 "$1" | awk '{print $1 "x" $2}'
}
translate() # ARGUMENTS...
{
    ganhost translate --run $run "$@"
}

# ---- built-in images ----
translate --direction AtoB --input builtin:faces --count 5 --out five
expect 0 "translated 5 images: five"
check "numbered" [ "$(ls five)" = "$(seq -f '%06.0f.png' 0 4)" ]
check "of the run's size" [ "$(size five/000004.png)" = 16x16 ]
translate --direction atob --input=builtin:faces
expect 0 "translated 64 images: $run/translated-AtoB"
check "the same images" cmp five/000003.png $run/translated-AtoB/000003.png
translate --direction BtoA --input builtin:sketches --count 5 --quiet
expect 0 ""
check "nothing is said" [ "$(wc -c < err.txt)" = 0 ]
check "the other way" [ -n "$(cmp five/000003.png $run/translated-BtoA/000003.png)" ]

# ---- a folder ----
mkdir -p in/sub/deeper
cp five/000000.png in/a.png
cp five/000001.png in/sub/b.JPG # known by its first bytes
cp "$SOURCE/tests/fixtures/jpeg/orientation_6.jpg" in/sub/deeper/up.jpeg
cp "$SOURCE/tests/fixtures/png/rgba16.png" in/sub/wide.png
head -c 300 five/000002.png > in/sub/broken.png
echo words > in/words.png
echo words > in/words.txt
ln -s .. in/sub/loop
ln -s nowhere in/gone.png
translate --direction AtoB --input in --out out
expect 1 "translated 4 images, 3 could not be read, 2 other files ignored: out"
expect 1 "ganhost: in/sub/broken.png: the PNG data breaks off after 300 bytes"
expect 1 "ganhost: in/words.png: expected a PNG or JPEG file, found something else"
expect 1 "ganhost: in/gone.png: "
check "names are kept" [ "$(cd out && find . -type f | sort | tr '\n' ' ')" = "./a.png ./sub/b.png ./sub/deeper/up.png ./sub/wide.png " ]
rm in/sub/broken.png in/words.png in/gone.png
mkdir names
cp in/words.txt "names/$(printf 'e\033[31m\n\302\2331m.png')"
translate --direction AtoB --input names --out names-out
expect 1 "ganhost: names/e?[31m???1m.png: expected a PNG or JPEG file"
cp five/000000.png "names/$(printf 'e\033[31m\n\302\2331m.jpg')"
translate --direction AtoB --input names --out names-out
expect_error 2 "e?[31m???1m.jpg and e?[31m???1m.png have one name"
translate --direction AtoB --input in/ --out again --batch 1
expect 0 "translated 4 images, 2 other files ignored: again"
check "the same result" cmp out/sub/wide.png again/sub/wide.png
translate --direction AtoB --input in --out again # what was there is replaced
expect 0 "translated 4 images"
translate --direction AtoB --input "$SOURCE/tests/fixtures/jpeg" --out jpeg
expect 0 "translated 37 images: jpeg"
check "upright, in the size that is looked at" [ "$(size jpeg/orientation_6.png)" != "$(size jpeg/orientation_1.png)" ]

# ---- one file ----
translate --direction AtoB --input in/sub/b.JPG --out one.png
expect 0 "translated 1 image: one.png"
check "a file" cmp one.png out/sub/b.png
translate --direction AtoB --input in/sub/b.JPG --out one
check "a folder" cmp one/b.png out/sub/b.png
translate --direction AtoB --input "$SOURCE/tests/fixtures/fit/photo.png" --resize 20 --out small.png
expect 0 "translated 1 image"
check "scaled to its shorter side" [ "$(size small.png | tr x '\n' | sort -n | head -1)" = 20 ]
translate --direction AtoB --input "$SOURCE/tests/fixtures/fit/photo.png" --resize 60000 --out small.png
expect 1 "fit/photo.png: an image of 91500x60000 was asked for"
expect 1 "translated 0 images, 1 could not be read: small.png"

# ---- counterparts, and back ----
translate --direction AtoB --input in --out fresh --target out
expect 0 ""
expect_out "after 0.000 of 255"
expect_out "of 4 images"
check "it is the run's own result" sh -c '! grep -q "before 0.000" out.txt'
translate --direction AtoB --input in --out fresh --target in --recover back
expect_out "before 0.000"
expect_out "cycle error: "
check "recovered" [ "$(size back/sub/wide.png)" = "$(size in/sub/wide.png)" ]
mkdir part
cp out/a.png part/a.jpg
head -c 100 out/a.png > part/stray.png
translate --direction AtoB --input in --out fresh --target part
expect 0 ""
expect_out "after 0.000 of 255 ("
expect_out "of 1 image"
mkdir part/sub
head -c 200 out/sub/b.png > part/sub/b.png
translate --direction AtoB --input in --out fresh --target part
expect 1 "ganhost: part/sub/b.png: the PNG data breaks off after 200 bytes"
expect 1 "translated 4 images, 1 counterpart could not be read"
translate --direction AtoB --input in/a.png --out fresh --target out/sub/b.png --quiet
expect 0 ""
expect_out "of 1 image" # files are counterparts whatever their names
translate --direction AtoB --input builtin:faces --target builtin:sketches --out fresh
expect_out "of 64 images"
before=$(sed -n 's/.*before \([0-9.]*\),.*/\1/p' out.txt)
after=$(sed -n 's/.*after \([0-9.]*\) of.*/\1/p' out.txt)
check "the run has learnt something ($before, $after)" awk "BEGIN {exit !($after < $before)}"
translate --direction AtoB --input builtin:faces --target five --out fresh
expect_out "after 0.000 of 255"
expect_out "of 5 images"

# ---- nothing that is read is overwritten ----
find in -type f -exec cksum {} + | sort > before.txt
ln -s in same
for out in in in/sub/.. same; do
    translate --direction AtoB --input in --out $out
    expect_error 2 "/a.png is one of the images that are read, and would be overwritten; give another --out"
done
translate --direction AtoB --input in/a.png --out in/a.png
expect_error 2 'in/a.png is one of the images that are read'
translate --direction AtoB --input in --out fresh --recover in
expect_error 2 'would be overwritten; give another --recover'
translate --direction AtoB --input in --out out --target out
expect_error 2 'out/a.png is one of the images that are read'
translate --direction AtoB --input in --out fresh --recover fresh/
expect_error 2 '--recover and --out are one place, fresh/'
ln -s . here
for back in ./unmade here/unmade unmade/; do
    translate --direction AtoB --input in --out unmade --recover $back
    expect_error 2 "--recover and --out are one place, $back"
    rmdir unmade
done
translate --direction AtoB --input in/a.png --out unmade.png --recover here/unmade.png
expect_error 2 '--recover and --out are one place, here/unmade.png'
translate --direction AtoB --input in/a.png --out fresh --recover fresh/a.png
expect_error 2 '--recover and --out are one place, fresh/a.png'
translate --direction AtoB --input in/a.png --out unmade.png --recover unmade
expect 0 ""
check "both are there" [ -e unmade.png ] && [ -e unmade/a.png ]
mkdir links
ln -s ../in/a.png links/a.png # whose target is read, too
translate --direction AtoB --input links --out in
expect_error 2 'in/a.png is one of the images that are read'
translate --direction AtoB --input links --out links
expect_error 2 'links/a.png is one of the images that are read'
translate --direction AtoB --input in --out fresh --target links
expect 0 ""
translate --direction AtoB --input five/000000.png --out in/a.png --target links/a.png
expect_error 2 'in/a.png is one of the images that are read'
translate --direction AtoB --input in --out in/new # is no image that is read now
expect 0 "translated 4 images"
rm -r in/new
find in -type f -exec cksum {} + | sort > after.txt
check "all as it was" cmp before.txt after.txt
cp in/a.png in/a.jpg
translate --direction AtoB --input in --out fresh
expect_error 2 '--input in: a.jpg and a.png have one name but for their endings; rename one of them'
rm in/a.jpg

# ---- what is refused ----
translate --input in
expect_error 2 'which way? Give --direction AtoB or --direction BtoA'
translate --input in --direction AtoC
expect_error 2 '--direction is AtoB or BtoA, but not "AtoC"'
translate --direction AtoB
expect_error 2 'what is translated? Give --input FOLDER, FILE or builtin:faces'
translate --direction AtoB --input missing
expect_error 1 '--input missing: No such file or directory'
mkdir empty
echo words > empty/words.txt
translate --direction AtoB --input empty
expect_error 1 'empty: expected PNG or JPEG images in this folder, found none (1 other files)'
translate --direction AtoB --input builtin:ring8
expect_error 1 'builtin:ring8'
translate --direction AtoB --input in --count 3
expect_error 2 '--count is for built-in images, but --input is in'
translate --direction AtoB --input in --out out.png
expect_error 2 '--out is a folder where --input is not one file, but is out.png'
translate --direction AtoB --input in --out in/a.png/deeper
expect_error 1 'cannot make the folder in/a.png: '
translate --direction AtoB --input in --target five
expect_error 1 'no image of --target five has the name of one of --input in'
translate --direction AtoB --input in --tile 64 --overlap 33
expect_error 2 '--overlap is 33, but can be half of a tile of 64 pixels at most'
for wrong in tile=-1 tile=x batch=0 resize=0 overlap=-1; do
    translate --direction AtoB --input in --$wrong
    expect_error 2 "--${wrong%=*} must be from"
done
ganhost translate --direction AtoB --input in
expect_error 2 'which run? Give --run RUN, or --checkpoint FILE'
ganhost "${TINY[@]}" --set train.kimg=0.1
ganhost translate --run runs/00001-tiny-ring8 --direction AtoB --input in
expect_error 2 'ganhost translate is for plugins of two domains (gan.translate/1), which tiny is not'
check "nothing was written" [ ! -e runs/00001-tiny-ring8/translated-AtoB ]

# ---- sides that the networks do not take, tiles, precision ----
GAN_PLUGIN_PATH=$PLUGINS ganhost --plugin cyclegan "${FACES[@]}" --set data.resolution=32 --set train.kimg=0.004 \
    --set model.g_width=4 --set model.d_width=4 --set model.blocks=1 --set name=cyclegan
check "a run of cyclegan" [ "$STATUS" = 0 ]
run=runs/00002-cyclegan
export GAN_PLUGIN_PATH=$PLUGINS
translate --direction BtoA --input in --out odd
for i in a sub/b sub/deeper/up; do
    check "the size of $i is kept" [ "$(size odd/$i.png)" = "$(size again/$i.png)" ]
done
photo=$SOURCE/tests/fixtures/fit/photo.png
translate --direction AtoB --input "$photo" --out plain.png
check "the photo's size" [ "$(size plain.png)" = "$(size "$photo")" ]
translate --direction AtoB --input "$photo" --tile 0 --out never.png
check "small ones are not tiled" cmp plain.png never.png
translate --direction AtoB --input "$photo" --tile 24 --overlap 12 --out tiled.png --recover back --target plain.png
check "large ones are" [ -n "$(cmp plain.png tiled.png)" ]
check "in the same size" [ "$(size tiled.png)$(size back/photo.png)" = "$(size "$photo")$(size "$photo")" ]
translate --direction AtoB --input "$photo" --tile 24 --overlap 12 --batch 3 --out batch.png --target tiled.png
expect_out "after 0.0" # but for rounding
translate --direction AtoB --input "$photo" --out bf16.png --precision bf16 --target plain.png
after=$(sed -n 's/.*after \([0-9.]*\) of.*/\1/p' out.txt)
check "bf16 is near f32, and not it ($after)" awk "BEGIN {exit !($after > 0 && $after < 4)}"
if [ -e "${EMULATED:-}" ]; then
    GAN_CUDA_LIBRARY=$EMULATED translate --direction AtoB --input "$photo" --tile 24 --overlap 12 --device cuda \
        --out emulated.png --target tiled.png
    expect 0 "translated 1 image"
    expect_out "after 0.0"
fi

# ---- Ctrl-C ----
"$GANHOST" translate --run $run --direction AtoB --input builtin:faces --count 100000 --out long > out.txt 2> err.txt &
CHILD=$!
for i in $(seq 600); do
    [ -e long/000020.png ] && break
    sleep 0.05
done
kill -INT $CHILD
wait $CHILD
STATUS=$?
expect 130 "interrupted; translated "
expect 130 " of 100,000 images: long"
check "as many files as it says" grep -q "translated $(find long -name '*.png' | wc -l) of" err.txt
check "none is left half" [ -z "$(find long -name '*.tmp*')" ]
ganhost data check long
expect 0 ""
finish
