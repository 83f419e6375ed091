#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# --anchor of the commands that write to decks: a PIN try is not won by putting an older copy of the deck back.
# Usage: test_anchor.sh PATH/TO/softuicc
set -u
softuicc=$(readlink -f "$1") || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
passed=0
failed=0

ok() { passed=$((passed + 1)); echo "ok $((passed + failed)) - $1"; }
bad() {
    failed=$((failed + 1))
    echo "not ok $((passed + failed)) - $1"
    sed 's/^/#   /' out err 2>/dev/null | head -20
}
verdict() { if [ "$2" = 0 ]; then ok "$1"; else bad "$1"; fi; }

# says NAME CODE PATTERN ARGS...: that code, and a line of either stream that matches
says() {
    local name=$1 code=$2 pattern=$3 got
    shift 3
    timeout 60 "$softuicc" "$@" >out 2>err </dev/null
    got=$?
    [ "$got" = "$code" ] && cat out err | grep -qE -e "$pattern"
    verdict "$name" $?
}

wrong=0020000A083939393939393939 # VERIFY PIN, ADM1
tries=0020000A00

says "a deck" 0 "1 card" new d.uicc --profile test
says "the first opening makes its anchor" 0 "^< 63C9" apdu d.uicc --anchor away $wrong
[ -s away ]
verdict "it is there" $?
cp d.uicc copy
says "a try is spent" 0 "^< 63C8" apdu d.uicc --anchor away $wrong
cp d.uicc newest
cp copy d.uicc
says "an older copy is refused" 1 "d.uicc is an older copy: it was written [0-9]+ times, and away knows of [0-9]+: .*--anchor-reset" apdu d.uicc --anchor away $tries
says "by softuicc run as well" 1 "is an older copy" run d.uicc --anchor away
says "by softuicc modem as well" 1 "is an older copy" modem d.uicc --anchor away --off
says "by softuicc smsc as well" 1 "is an older copy" smsc --deck d.uicc --anchor away --listen 127.0.0.1:0
cp newest d.uicc
says "the newest one has the tries that are left" 0 "^< 63C8" apdu d.uicc --anchor away $tries
cp copy d.uicc
says "a backup is accepted when one says so" 0 "^< 63C9" apdu d.uicc --anchor away --anchor-reset $tries
cp newest d.uicc
says "what it has replaced is older then" 1 "is an older copy" apdu d.uicc --anchor away $tries
says "no anchor that could be reset" 2 "--anchor FILE is needed" apdu d.uicc --anchor-reset
says "a deck is needed (modem)" 2 "of a deck" modem --reader 0 --anchor away
says "a deck is needed (smsc)" 2 "for a --deck" smsc --reader 0 --anchor away
says "another deck" 0 "1 card" new e.uicc --profile test
says "its anchor is another" 1 "away is the anchor of another deck than e.uicc" apdu e.uicc --anchor away
mv away gone
says "an anchor that is missing" 1 "away: there is no anchor, but d.uicc has had one" apdu d.uicc --anchor away
says "without the option the deck opens as ever" 0 "^< 63C8" apdu d.uicc $tries

echo "1..$((passed + failed))"
[ "$failed" = 0 ]
