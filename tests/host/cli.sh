#!/usr/bin/env bash
# The command line: help, versions, and what is wrong with it, in one sentence with status 2.
# shellcheck source=harness.sh
. "$(dirname "$0")/harness.sh"

ganhost
check "no argument shows help" grep -q "ganhost describe PLUGIN" out.txt
expect 2 ""
for words in --help -h help; do
    ganhost $words
    expect 0 ""
    expect_out "--resume RUN|latest"
done
for command in train sample mix interpolate project data describe init list help; do
    ganhost $command --help
    expect 0 ""
    expect_out "ganhost $([ $command = train ] && echo '[train]' || echo $command)"
    ganhost help $command
    expect 0 ""
done
ganhost --version
expect 0 ""
expect_out "ganhost 1."

wrong() # TEXT ARGUMENTS...
{
    local words=$1
    shift
    ganhost "$@"
    expect 2 "$words"
}
wrong 'there is no command "trian"; did you mean "train"?' trian
wrong 'there is no command "frobnicate"' frobnicate
wrong 'there is no command "smaple"; did you mean "sample"?' help smaple
wrong 'ganhost train has no option --plugn; did you mean --plugin?' --plugn gan
wrong 'ganhost train has no option --sede; did you mean --seed?' --sede=3
wrong '--plugin needs a value' --plugin
wrong '--seed needs a value' --plugin tiny --seed=
wrong '--dry-run takes no value' --plugin tiny --dry-run=yes
wrong '--plugin is given twice' --plugin tiny --plugin tiny
wrong 'there is no option -x' -x
wrong 'ganhost train does not take "tiny"' train tiny
wrong 'which plugin?' --seed 1
wrong 'an argument is missing: ganhost describe PLUGIN' describe
wrong 'an argument is missing: ganhost init PLUGIN' init
wrong 'ganhost list has no option --plugin' list --plugin tiny
wrong '--set takes name=value, such as train.batch=32, but is "train.batch"' --plugin tiny --set train.batch
wrong 'train.batch must be a whole number from 1 to 65536, but is "0"' --plugin tiny --set train.batch=0
wrong 'train.batch must be a whole number from 1 to 65536, but is "many"' --plugin tiny --set train.batch=many
wrong 'there is no option "train.bach"; did you mean "train.batch"?' --plugin tiny --set train.bach=1
wrong 'there is no option "batch"; did you mean "train.batch"?' --plugin tiny --set batch=1
wrong 'there is no option "model.laten" of the plugin tiny; did you mean "model.latent"?' --plugin tiny --set model.laten=1
wrong 'latent must be a whole number from 1 to 64, but is "65"' --plugin tiny --set model.latent=65
wrong 'seed must be a whole number from 0 to 4294967295, but is "-1"' --plugin tiny --seed -1
wrong 'precision must be f32, tf32 or bf16, but is "f16"; did you mean "bf16"?' --plugin tiny --precision f16
wrong 'device must be auto, cpu, cuda or cuda:N, but is "gpu"' --plugin tiny --device gpu
wrong '--resume and --config do not go together' --resume latest --config x.yaml
wrong 'which run? Give --run RUN, or --checkpoint FILE' sample
wrong '--seeds takes numbers and ranges' sample --run x --seeds 5-1
wrong '--seeds takes numbers and ranges' sample --run x --seeds 1,,2
wrong '--seeds takes numbers and ranges' sample --run x --seeds 0-18446744073709551615
wrong '--grid takes columns and rows such as 8x8' sample --run x --grid 8
wrong '--seeds names 5 samples, more than --grid 2x2 holds' sample --run x --grid 2x2 --seeds 0-4
check "nothing was started" [ ! -e runs ]

ganhost init tiny
expect 0 ""
check "nothing on standard error" [ ! -s err.txt ]
"$GANHOST" list > /dev/full 2> err.txt
STATUS=$?
expect_error 1 'cannot write to standard output: No space left on device'
finish
