#!/usr/bin/env bash
# harness.sh - for the scripts beside it: run ganhost, look at what a user sees. Needs GANHOST, FIXTURES and COMPARE.
set -u
: "${GANHOST:?}" "${FIXTURES:?}" "${COMPARE:?}" "${SOURCE:?}"
export GAN_PLUGIN_PATH=$FIXTURES
export LC_ALL=C
SCRATCH=$(mktemp -d "${TMPDIR:-/tmp}/ganhost-test.XXXXXX")
trap 'chmod -R u+rwx "$SCRATCH" 2>/dev/null; rm -rf "$SCRATCH"' EXIT
cd "$SCRATCH" || exit 1
FAILURES=0
CHECKS=0

# A small, quick run: vectors, one thread.
TINY=(--plugin tiny --set data.source=builtin:ring8 --set data.count=1000 --set threads=1)

fail()
{
    FAILURES=$((FAILURES + 1))
    echo "FAIL: $*"
    echo "  status $STATUS"
    sed 's/^/  out: /' out.txt
    sed 's/^/  err: /' err.txt
}

check() # WHAT COMMAND...: the command succeeds
{
    CHECKS=$((CHECKS + 1))
    local what=$1
    shift
    "$@" > check.txt 2>&1 || { fail "$what"; sed 's/^/  check: /' check.txt; }
}

# Run ganhost; STATUS, out.txt and err.txt are what came of it.
ganhost()
{
    "$GANHOST" "$@" > out.txt 2> err.txt < /dev/null
    STATUS=$?
}

# expect STATUS TEXT: the last ganhost ended so, and its standard error holds the text.
expect()
{
    CHECKS=$((CHECKS + 1))
    [ "$STATUS" = "$1" ] || { fail "status is not $1 (expecting: $2)"; return; }
    [ -z "$2" ] || grep -qF -- "$2" err.txt || fail "standard error lacks: $2"
}

# An error is told in one line.
expect_error()
{
    expect "$1" "$2"
    [ "$(wc -l < err.txt)" = 1 ] || fail "not one line"
}

expect_out()
{
    CHECKS=$((CHECKS + 1))
    grep -qF -- "$1" out.txt || fail "standard output lacks: $1"
}

# ---- for tests of resuming ----
statistics() # RUN: without what depends on the time
{
    sed -E 's/"seconds": [^,]*, "images_per_second": [^,]*, //; s/"memory_peak": [^,]*, //' "$1/stats.jsonl"
}
same_runs() # A B: the same checkpoints from some point on, statistics and pictures
{
    "$COMPARE" "$1/checkpoints/$3" "$2/checkpoints/$3" || return 1
    statistics "$1" > a.txt
    statistics "$2" > b.txt
    diff a.txt b.txt || return 1
    (cd "$1" && ls -- *.png) > a.txt
    (cd "$2" && ls -- *.png) > b.txt
    diff a.txt b.txt || return 1
    for picture in $(cd "$1" && ls fakes*.png reals.png losses.png); do
        cmp "$1/$picture" "$2/$picture" || return 1
    done
}

cut_run() # WHOLE PART LAST: a copy of the run without the checkpoints after LAST
{
    rm -rf "$2"
    cp -r "$1" "$2"
    for file in "$2"/checkpoints/*; do
        # shellcheck disable=SC2071 # stamps are compared as text
        [[ $(basename "$file" .safetensors) > "$3" ]] && rm "$file"
    done
}

skip()
{
    echo "skipped: $*"
    exit 77
}

finish()
{
    echo "$CHECKS checks, $FAILURES failures"
    [ "$FAILURES" = 0 ]
    exit
}
