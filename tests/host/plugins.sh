#!/usr/bin/env bash
# Plugins are found, accepted or refused; every refusal has its own sentence.
# shellcheck source=harness.sh
. "$(dirname "$0")/harness.sh"

try() # PLUGIN STATUS TEXT
{
    ganhost describe "$1"
    expect_error "$2" "$3"
}

# ---- accepted ----
ganhost describe good_1_0
check "a plugin of the first interface is described" [ "$STATUS" = 0 ]
expect_out "A linear GAN"
ganhost describe future
check "a longer table of a later minor version is accepted" [ "$STATUS" = 0 ]
for plugin in good_1_0 future; do
    ganhost --plugin $plugin --set data.source=builtin:ring8 --set train.kimg=1 --set threads=1
    check "$plugin trains" [ "$STATUS" = 0 ]
done
ganhost describe "$FIXTURES/tiny.so"
expect_out "A small GAN for tests"
cp "$FIXTURES/tiny.so" here.so
ganhost describe here.so
expect_out "A small GAN for tests"
ganhost describe ./here.so
expect_out "A small GAN for tests"

# ---- not found ----
try tyni 1 'there is no plugin "tyni"'
try tyni 1 'did you mean "tiny"?'
try ./missing.so 1 'cannot find the plugin ./missing.so: No such file or directory'

# ---- not loaded ----
try unresolved 1 "cannot load the plugin $FIXTURES/unresolved.so"
try unresolved 1 'no_such_function'
head -c 1000 "$FIXTURES/tiny.so" > cut.so
try ./cut.so 1 "cannot load the plugin $SCRATCH/cut.so: the file is cut short"
head -c 5000 "$FIXTURES/tiny.so" > cut.so
try ./cut.so 1 "cannot load the plugin $SCRATCH/cut.so: the file is cut short"

# ---- no plugins ----
echo "plugin: gan" > text.so
try ./text.so 1 "$SCRATCH/text.so is not a ganhost plugin: it is no shared object"
mkdir folder.so
try ./folder.so 1 'is not a ganhost plugin: it is no shared object'
mkfifo pipe.so
try ./pipe.so 1 'is not a ganhost plugin: it is no shared object'
: > empty.so
try ./empty.so 1 'is not a ganhost plugin: it is no shared object'
try no_entry 1 'it does not export gan_plugin_entry'
try null_entry 1 'its entry returned no table'
try wrong_magic 1 'its table begins with 0000000000001234'
try no_g_step 1 'has no g_step, which plugin interface 1.0 asks for'
try wrong_id 1 'has the id "../Wrong"'
try duplicate_option 1 'has a wrong option table: the option table has "latent" twice'
try wrong_default 1 'has a wrong table of defaults: there is no option "train.bach"; did you mean "train.batch"?'

# ---- another interface, another SDK: both versions, and what to do ----
try later_major 1 'has plugin interface 2.0 (built with SDK 9.9.9, a fixture), but this ganhost has 1.0'
try later_major 1 'use a newer ganhost'
try earlier_major 1 'has plugin interface 0.0 (built with SDK 9.9.9, a fixture), but this ganhost has 1.0'
try earlier_major 1 "rebuild the plugin with this ganhost's SDK"
try needs_later_minor 1 'needs plugin interface 1.7 or newer (built with SDK 9.9.9, a fixture), but this ganhost has 1.0'
try short_table 1 'says its table has 104 bytes, but interface 1.0 begins with 152'
try needs_later_sdk 1 'needs libgansdk 1.1 or newer, but this ganhost has 1.0.0'
try unresolved_gan 1 'needs gan_later_function, which libgansdk 1.0.0 of this ganhost does not have'
try other_sdk_major 1 'was built for libgansdk 2, but this ganhost has 1.0.0'

# ---- a device that is not there ----
ganhost --plugin needs_cuda --set data.source=builtin:ring8
expect_error 1 'the plugin refused runs on CUDA devices only'
check "a refused plugin leaves no run" [ "$(ls runs | wc -l)" = 2 ]

# ---- the list tells of refused ones, too ----
ganhost list
expect_out "good_1_0         1.0.0    A linear GAN"
expect_out "(refused)        $FIXTURES/later_major.so has plugin interface 2.0"
GAN_PLUGIN_PATH=$SCRATCH ganhost list
expect_out "tiny "
finish
