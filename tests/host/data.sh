#!/usr/bin/env bash
# Sources of images as a user meets them: ganhost data check and pack, training on a folder and on a zip, resumption.
# shellcheck source=harness.sh
. "$(dirname "$0")/harness.sh"
PNG=$SOURCE/tests/fixtures/png

# ---- check ----
mkdir -p pets/cats pets/dogs
for i in 1 2 3; do cp "$PNG/rgb.png" "pets/cats/$i.png"; done
cp "$PNG/grey.png" pets/dogs/1.png
cp "$PNG/rgba.png" pets/dogs/2.png
echo words > pets/readme.txt
ganhost data check pets
expect 0 ''
expect_out 'samples   5'
expect_out 'skipped   1 files'
expect_out 'size      width 11, height 7'
expect_out 'classes   2'
expect_out 'cats                                3'
check "nothing on standard error" [ ! -s err.txt ]

head -c 60 "$PNG/rgb.png" > pets/cats/2.png
echo words > pets/dogs/3.jpg
ganhost data check pets
expect 1 'pets/cats/2.png: '
expect 1 'pets/dogs/3.jpg: expected a PNG or JPEG file, found something else'
expect 1 'ganhost: pets: some files are wrong'
expect_out 'wrong     2'
ganhost --plugin tiny --set data.source=pets --set threads=1
expect_error 1 '(ganhost data check lists all that is wrong)'
check "named the first" grep -q 'pets/cats/2.png: ' err.txt
check "nothing was started" [ ! -e runs ]
for i in $(seq 120); do echo words > "pets/cats/x$i.png"; done
ganhost data check pets
expect 1 'and 22 more'
rm pets/cats/x*.png pets/dogs/3.jpg pets/cats/2.png

ganhost data check builtin:ring8
expect 0 ''
expect_out 'classes   8'
ganhost data check nowhere
expect_error 1 'nowhere: cannot be opened: No such file or directory'
wrong() # TEXT ARGUMENTS...
{
    local words=$1
    shift
    ganhost "$@"
    expect 2 "$words"
}
wrong 'an argument is missing: ganhost data check SOURCE' data
wrong 'ganhost data does check and pack, not "chekc"; did you mean "check"?' data chekc pets
wrong 'expected ganhost data pack SOURCE OUT.zip' data pack pets
wrong 'expected ganhost data check SOURCE' data check pets out.zip
wrong 'data.fit must be crop, pad or stretch, but is "cut"' data check pets --fit cut
wrong 'data.resolution must be a whole number from 0 to 4096, but is "x"' data check pets --resolution x
wrong 'train.batch says nothing about one source of data' data check pets --set train.batch=3

# ---- pack ----
ganhost data pack pets out.zip --resolution 8 --filter area --set data.channels=1
expect 0 'out.zip: 4 images of 8x8x1, 2 classes'
ganhost data check out.zip
expect 0 ''
expect_out 'samples   4'
expect_out 'size      width 8, height 8'
expect_out 'classes   2'
cp out.zip kept.zip
ganhost data pack pets out.zip --resolution 16
expect_error 1 'out.zip is there already; --force replaces it'
check "and is as it was" cmp out.zip kept.zip
ganhost data pack pets out.zip --resolution 16 --force --quiet
expect 0 ''
check "quiet" [ ! -s err.txt ]
check "replaced" [ "$(cmp -s out.zip kept.zip; echo $?)" = 1 ]
ganhost data pack builtin:ring8 ring.zip
expect_error 1 'its samples are points, not images'
check "nothing is left behind" [ "$(echo *.zip*)" = 'kept.zip out.zip' ]

# ---- training, and exact resumption with draws by chance ----
AUGMENTED=(--plugin tiny --set data.resolution=6 --set data.crop=random --set data.enlarge=1.5 --set data.mirror=true
           --set threads=1 --set train.batch=4 --set train.checkpoint_kimg=0.02)
ganhost "${AUGMENTED[@]}" --set data.source=pets --set train.kimg=0.08 --out whole
expect 0 'pets: 4 images of 6x6x3, 2 classes'
ganhost "${AUGMENTED[@]}" --set data.source=pets --set train.kimg=0.04 --out parts
expect 0 ''
ganhost --resume parts/00000-tiny-pets --set train.kimg=0.08
expect 0 'resumed from'
last()
{
    find "$1" -name '*.safetensors' | sort | tail -n 1
}
check "resumed exactly" "$COMPARE" "$(last whole)" "$(last parts)"
check "options are kept" grep -qx '  crop: random' parts/00000-tiny-pets/config.yaml
ganhost --resume parts/00000-tiny-pets --set train.kimg=0.1 --set data.mirror=false
expect_error 2 'data.mirror cannot be changed when a run is resumed'
ganhost "${AUGMENTED[@]}" --set data.source=out.zip --set train.kimg=0.04 --out zips
expect 0 'out: 4 images of 6x6x3, 2 classes'
ganhost "${TINY[@]}" --set data.mirror=true
expect_error 1 'builtin:ring8: its samples are points, it has no mirror to set'
finish
