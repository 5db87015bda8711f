#!/usr/bin/env bash
# Config files: what is wrong is told with file, line and column; what is right is resolved and comes back.
# shellcheck source=harness.sh
. "$(dirname "$0")/harness.sh"

wrong() # PLACE TEXT, and the file on standard input
{
    cat > run.yaml
    ganhost --config run.yaml --plugin tiny --dry-run
    expect_error 2 "run.yaml:$1: $2"
}

wrong 3:3 'there is no option "train.bach"; did you mean "train.batch"?' <<'YAML'
seed: 1
train:
  bach: 3
YAML
wrong 3:10 'train.batch must be a whole number from 1 to 65536, but is "lots"' <<'YAML'
# a comment
train:
  batch: lots
YAML
wrong 2:1 'there is no section "trian"; did you mean "train"?' <<'YAML'
seed: 1
trian:
  batch: 3
YAML
wrong 1:1 'there is no option "sede"; did you mean "seed"?' <<'YAML'
sede: 1
YAML
wrong 1:1 'there is no option "batch"; did you mean "train.batch"?' <<'YAML'
batch: 1
YAML
wrong 2:3 'there is no option "model.latnet" of the plugin tiny; did you mean "model.latent"?' <<'YAML'
model:
  latnet: 4
YAML
wrong 2:11 'latent must be a whole number from 1 to 64, but is "4.5"' <<'YAML'
model:
  latent: 4.5
YAML
wrong 2:12 'trouble must be none, nan, nan_weights, error or shape, but is "nine"; did you mean "none"?' <<'YAML'
model:
  trouble: nine
YAML
wrong 3:3 'train.batch is given twice, first in line 2' <<'YAML'
train:
  batch: 1
  batch: 2
YAML
wrong 3:1 'train is given twice, first in line 1' <<'YAML'
train:
  batch: 1
train:
  kimg: 2
YAML
wrong 2:3 'train.batch has no value' <<'YAML'
train:
  batch:
YAML
wrong 1:1 'train is a section: its options go below it, indented' <<'YAML'
train: 5
YAML
wrong 1:1 'seed is an option, not a section' <<'YAML'
seed:
  train: 5
YAML
wrong 2:10 'options lie in one level of sections, not deeper' <<'YAML'
train:
  batch: {of: 3}
YAML
wrong 1:7 'anchors (&name) are not used in config files' <<'YAML'
seed: &a 1
YAML
wrong 1:7 'aliases (*name) are not used in config files' <<'YAML'
seed: *a
YAML
wrong 1:7 'tags (!name) are not used in config files' <<'YAML'
seed: !!int 1
YAML
wrong 1:1 'a config file holds lines such as "seed: 1"' <<'YAML'
just text
YAML
wrong 1:1 'a config file holds lines such as "seed: 1"' <<'YAML'
- seed
YAML
wrong 2:1 'a second document; a config file holds one' <<'YAML'
seed: 1
--- 
seed: 2
YAML
wrong 2:1 'not valid YAML: found character that cannot start any token' <<'YAML'
train:
	batch: 1
YAML
wrong 2:1 "not valid YAML: did not find expected ',' or '}'" <<'YAML'
train: {batch: 1
YAML
wrong 2:8 'not valid YAML text: invalid leading UTF-8 octet' < <(printf 'seed: 1\nname: "\377"\n')
wrong 1:7 'a zero byte in a value' < <(printf 'name: "a\\0b"\n')
wrong 1:7 'name must be text on one line' < <(printf 'name: "a\\nb"\n')
wrong 1:7 'a value of more than 4095 bytes' < <(printf 'name: '; head -c 5000 /dev/zero | tr '\0' x)
wrong 1:4103 'a list of more than 4095 bytes' < <(printf 'seed: [1'; for i in $(seq 3000); do printf ', 1'; done; printf ']\n')
wrong 1025:1 'more than 1024 options' < <(for i in $(seq 1100); do echo "x$i: 1"; done)
wrong 1:1 'a config file holds lines' < <(for i in $(seq 20000); do printf '['; done; echo)
wrong 1:8 'a list must hold plain values' < <(printf 'seed: '; for i in $(seq 20000); do printf '['; done; echo)

head -c 300000 /dev/zero | tr '\0' '#' > run.yaml
ganhost --config run.yaml --plugin tiny
expect_error 1 'run.yaml is larger than 262144 bytes'
ganhost --config missing.yaml --plugin tiny
expect_error 1 'cannot open missing.yaml: No such file or directory'
ganhost --config "$SCRATCH" --plugin tiny
expect_error 1 "cannot read $SCRATCH: Is a directory"
check "nothing was started" [ ! -e runs ]

# ---- what is right: order of precedence, all forms of values ----
cat > run.yaml <<'YAML'
plugin: tiny
name: "a \"quoted\" name: with # and \\"
data: {source: 'builtin:ring8', count: 500}
train:
  kimg: 0.1
  report_kimg: .05
model:
  note: "yes: [no]"
YAML
ganhost --config run.yaml --set train.kimg=0.2 --set threads=1 --seed 7
check "runs" [ "$STATUS" = 0 ]
run=$(echo runs/00000-*)
check "an odd name makes a plain folder" [ "$run" = 'runs/00000-a--quoted--name--with---and--' ]
check "from the file" grep -qx '  report_kimg: 0.05' "$run/config.yaml"
check "from --set, over the file" grep -qx '  kimg: 0.2' "$run/config.yaml"
check "from --seed" grep -qx 'seed: 7' "$run/config.yaml"
check "from the plugin's defaults" grep -qx '  batch: 16' "$run/config.yaml"
check "quoted where YAML needs it" grep -qxF '  note: "yes: [no]"' "$run/config.yaml"
ganhost --config "$run/config.yaml"
check "a resolved config loads" [ "$STATUS" = 0 ]
check "and is resolved to itself" cmp "$run/config.yaml" runs/00001-*/config.yaml
ganhost init tiny
cp out.txt init.yaml
ganhost --config init.yaml --set data.count=500 --set train.kimg=0.1 --set threads=1
check "a starter config loads" [ "$STATUS" = 0 ]
ganhost --plugin tiny --set data.count=500 --set train.kimg=0.1 --set threads=1
check "and changes nothing" cmp runs/00002-*/config.yaml runs/00003-*/config.yaml
: > run.yaml
ganhost --config run.yaml --plugin tiny --dry-run --set threads=1
check "an empty file is a config" [ "$STATUS" = 0 ]
printf '\357\273\277seed: 1\r\ntrain:\r\n  batch: 8\r\nmodel:\r\n' > run.yaml
ganhost --config run.yaml --plugin tiny --dry-run --set threads=1
check "so is one from another system" [ "$STATUS" = 0 ]

# ---- the documentation is made from the tables ----
if [ -e "$SOURCE/docs/config.md" ] && GAN_PLUGIN_PATH='' "$GANHOST" describe --markdown gan > config.md 2> err.txt; then
    check "docs/config.md is what ganhost describe --markdown gan prints" diff config.md "$SOURCE/docs/config.md"
fi
finish
