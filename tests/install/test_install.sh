#!/usr/bin/env bash
# What is installed is complete: in a folder with a space in its name, moved after the installation, a plugin is built
# with it in both ways, described, and trained.
set -euo pipefail
build=$1 source=$2 cmake=$3 compiler=$4 libdir=$5

work=$(mktemp -d "${TMPDIR:-/tmp}/ganhost install.XXXXXX")
trap 'rm -rf "$work"' EXIT
fail() {
    echo "FAILED: $*" >&2
    exit 1
}

"$cmake" --install "$build" --prefix "$work/first" >"$work/install.log" || fail "cmake --install: $(tail -n 5 "$work/install.log")"
mv "$work/first" "$work/pre fix"
prefix="$work/pre fix"

for file in bin/ganhost "$libdir/libgansdk.so.1" "$libdir/ganhost/plugins/gan.so" include/gan/plugin.h \
    "$libdir/pkgconfig/gansdk.pc" "$libdir/cmake/GanSDK/GanSDKConfig.cmake" share/doc/ganhost/LICENSE; do
    [ -e "$prefix/$file" ] || fail "$file is not installed"
done
[ ! -e "$prefix/$libdir/libgansdk_internal.a" ] || fail "the library for tests is installed"

# The headers stand alone: each compiles as C and as C++ with nothing before it.
for header in "$prefix"/include/gan/*.h; do
    echo "#include <gan/$(basename "$header")>" >"$work/header.c"
    "$compiler" -std=c11 -Wall -Wextra -Wpedantic -Werror -fsyntax-only -I"$prefix/include" "$work/header.c" ||
        fail "$(basename "$header") as C11"
    "$compiler" -x c++ -std=c++17 -Wall -Wextra -Werror -fsyntax-only -I"$prefix/include" "$work/header.c" ||
        fail "$(basename "$header") as C++17"
done

cp -r "$source/docs/plugin-template" "$work/with cmake"
cp -r "$source/docs/plugin-template" "$work/with make"
"$cmake" -S "$work/with cmake" -B "$work/with cmake/build" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_C_COMPILER="$compiler" \
    -DCMAKE_C_FLAGS="-Wall -Wextra -Werror" >"$work/log" || fail "cmake of the template: $(cat "$work/log")"
"$cmake" --build "$work/with cmake/build" >"$work/log" || fail "building the template with cmake: $(cat "$work/log")"
PKG_CONFIG_PATH="$prefix/$libdir/pkgconfig" make -C "$work/with make" CC="$compiler" >"$work/log" 2>&1 ||
    fail "building the template with make: $(cat "$work/log")"

cat >"$work/run.yaml" <<'YAML'
plugin: tiny
data:
  source: builtin:digits
train:
  batch: 32
  kimg: 1
YAML

for plugin in "$work/with cmake/build/tiny.so" "$work/with make/tiny.so"; do
    symbols=$(nm -D --defined-only "$plugin" | awk '{ print $3 }' | tr '\n' ' ')
    [ "$symbols" = "gan_plugin_entry " ] || fail "$plugin exports $symbols"
    "$prefix/bin/ganhost" describe "$plugin" >"$work/log" || fail "describe $plugin"
    grep -q "Least-squares GAN" "$work/log" || fail "describe $plugin says: $(cat "$work/log")"
    (cd "$work" && "$prefix/bin/ganhost" --plugin "$plugin" --config run.yaml --quiet) || fail "training $plugin"
done
(cd "$work" && ls runs/00001-tiny-*/fakes*.png >/dev/null) || fail "no second run folder with samples"

# Every variant's folder builds alone against what is installed, and its configs are read.
for folder in "$source"/plugins/*/; do
    name=$(basename "$folder")
    cp -r "$folder" "$work/$name alone"
    "$cmake" -S "$work/$name alone" -B "$work/$name alone/build" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_C_COMPILER="$compiler" \
        -DCMAKE_C_FLAGS="-Wall -Wextra -Werror" >"$work/log" || fail "cmake of $name alone: $(cat "$work/log")"
    "$cmake" --build "$work/$name alone/build" >"$work/log" || fail "building $name alone: $(cat "$work/log")"
    "$prefix/bin/ganhost" describe "$work/$name alone/build/$name.so" >"$work/log" || fail "describe $name built alone"
    for config in "$prefix/share/ganhost/$name"/*.yaml; do
        grep -q "^plugin: $name$" "$config" || fail "$config is not installed, or of another plugin"
    done
done

# An installed plugin is found by its bare name.
"$prefix/bin/ganhost" describe gan >"$work/log" || fail "describe gan from the installed folder"
echo "installed, moved, and built against in both ways"
