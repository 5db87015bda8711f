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
