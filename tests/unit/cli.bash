# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# What the tests of the command line share; they source it with the path of softuicc as $1. A folder of its own, which goes at the end with
# the process in $background; stdout of a command in the file out, stderr in err.
set -u
script=$(readlink -f "$0")
here=$(dirname "$script")
# shellcheck source=tests/tap.bash
. "$here/../tap.bash"
tap_files=(out err)
softuicc=$(readlink -f "$1") || exit 1
work=$(mktemp -d) || exit 1
background=
# shellcheck disable=SC2317 # called by trap
cleanup() {
    [ -n "$background" ] && kill "$background" 2>/dev/null
    rm -rf "$work"
}
trap cleanup EXIT
cd "$work" || exit 1
umask 077 # key files that others may read are warned about

ok() { verdict 0 "$1"; }
bad() { verdict 1 "$1"; }

# expect NAME CODE ARGS...
expect() {
    local name=$1 code=$2 got
    shift 2
    timeout 120 "$softuicc" "$@" >out 2>err </dev/null
    got=$?
    [ "$got" = "$code" ]
    verdict $? "$name (exit code $code, got $got)"
}

# refuses NAME CODE PATTERN ARGS...: that code, exactly one line on stderr that matches, nothing on stdout, no file made, changed or removed
refuses() {
    local name=$1 code=$2 pattern=$3 before after got
    shift 3
    before=$(snapshot)
    timeout 60 "$softuicc" "$@" >out 2>err </dev/null
    got=$?
    after=$(snapshot)
    [ "$got" = "$code" ] && [ "$(wc -l <err)" = 1 ] && grep -qE -e "$pattern" err && [ ! -s out ] && [ "$before" = "$after" ]
    got=$? # before $(...) below sets it anew
    verdict "$got" "$name: $(head -c 160 err | tr -d '\n')"
}
snapshot() { find . -type f ! -name out ! -name err -exec sha256sum {} + | sort; }

# NAME PATTERN: of what was said last
says() { grep -qE -e "$2" out; verdict $? "$1"; }
hides() { ! grep -qiE -e "$2" out; verdict $? "$1"; }
# counts NAME PATTERN FILE N
counts() { [ "$(grep -cE -e "$2" "$3")" = "$4" ]; verdict $? "$1"; }
# json NAME EXPRESSION: true of the JSON in out, called j
json() { /usr/bin/python3 -c "import json,sys; j=json.load(open('out')); sys.exit(not ($2))" 2>>err; verdict $? "$1"; }
quietly() { timeout 60 "$softuicc" "$@" >/dev/null 2>err </dev/null || bad "softuicc $*"; }
