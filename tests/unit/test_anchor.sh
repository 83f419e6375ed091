#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# --anchor of the commands that write to decks: a PIN try is not won by putting an older copy of the deck back.
# Usage: test_anchor.sh PATH/TO/softuicc
# shellcheck source=tests/unit/cli.bash
. "$(dirname "$(readlink -f "$0")")/cli.bash"

# answers NAME CODE PATTERN ARGS...: that code, and a line of either stream that matches
answers() {
    local name=$1 code=$2 pattern=$3 got
    shift 3
    timeout 60 "$softuicc" "$@" >out 2>err </dev/null
    got=$?
    [ "$got" = "$code" ] && cat out err | grep -qE -e "$pattern"
    verdict $? "$name"
}

wrong=0020000A083939393939393939 # VERIFY PIN, ADM1
tries=0020000A00

answers "a deck" 0 "1 card" new d.uicc --profile test
answers "the first opening makes its anchor" 0 "^< 63C9" apdu d.uicc --anchor away $wrong
[ -s away ]
verdict $? "it is there"
cp d.uicc copy
answers "a try is spent" 0 "^< 63C8" apdu d.uicc --anchor away $wrong
cp d.uicc newest
cp copy d.uicc
answers "an older copy is refused" 1 "d.uicc is an older copy: it was written [0-9]+ times, and away knows of [0-9]+: .*--anchor-reset" apdu d.uicc --anchor away $tries
answers "by softuicc run as well" 1 "is an older copy" run d.uicc --anchor away
answers "by softuicc modem as well" 1 "is an older copy" modem d.uicc --anchor away --off
answers "by softuicc smsc as well" 1 "is an older copy" smsc --deck d.uicc --anchor away --listen 127.0.0.1:0
cp newest d.uicc
answers "the newest one has the tries that are left" 0 "^< 63C8" apdu d.uicc --anchor away $tries
cp copy d.uicc
answers "a backup is accepted when one says so" 0 "^< 63C9" apdu d.uicc --anchor away --anchor-reset $tries
cp newest d.uicc
answers "what it has replaced is older then" 1 "is an older copy" apdu d.uicc --anchor away $tries
answers "no anchor that could be reset" 2 "--anchor FILE is needed" apdu d.uicc --anchor-reset
answers "a deck is needed (modem)" 2 "of a deck" modem --reader 0 --anchor away
answers "a deck is needed (smsc)" 2 "for a --deck" smsc --reader 0 --anchor away
answers "another deck" 0 "1 card" new e.uicc --profile test
answers "its anchor is another" 1 "away is the anchor of another deck than e.uicc" apdu e.uicc --anchor away
mv away gone
answers "an anchor that is missing" 1 "away: there is no anchor, but d.uicc has had one" apdu d.uicc --anchor away
answers "without the option the deck opens as ever" 0 "^< 63C8" apdu d.uicc $tries

tap_end
