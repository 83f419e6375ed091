#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# softuicc change against cards that lie, stammer, leave or are not there: one clear line, exit code 1, and no order taken for obeyed.
# Usage: with-pcscd test_change.sh PATH/TO/softuicc
set -u
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/tap.bash
. "$here/../tap.bash"
softuicc=$(readlink -f "$1") || exit 1
work=$(mktemp -d) || exit 1
card='' keeper=''
# shellcheck disable=SC2317 # called by trap
cleanup() {
    for pid in $card $keeper; do
        kill "$pid" 2>/dev/null
        wait "$pid" 2>/dev/null
    done
    rm -rf "$work"
}
trap cleanup EXIT
cd "$work" || exit 1
tap_files=(out err)

iccid=8988211000000430010
tab=$'\t'
printf '%s\n' "iccid${tab}index${tab}imsi${tab}algorithm${tab}k${tab}opc${tab}kvn${tab}kic_algorithm${tab}kic${tab}kid_algorithm${tab}kid${tab}kik" \
    "$iccid${tab}0${tab}001010123456780${tab}milenage${tab}00112233445566778899aabbccddeeff${tab}63bfa50ee6523365ff14c1f45f88737d${tab}1${tab}aes${tab}200102030405060708090a0b0c0d0e0f${tab}aes${tab}201102030405060708090a0b0c0d0e0f${tab}202102030405060708090a0b0c0d0e0f" >keys
chmod 600 keys

change() {
    timeout 30 "$softuicc" change --iccid $iccid --imsi 001010123456781 --keys keys --records records "$@" >out 2>err </dev/null
}

# fails NAME PATTERN OPTION...: exit code 1, nothing on stdout, one line on stderr that matches
fails() {
    local name=$1 pattern=$2
    shift 2
    change "$@"
    [ $? = 1 ] && [ ! -s out ] && [ "$(wc -l <err)" = 1 ] && grep -qE "$pattern" err
    verdict $? "$name"
}

in_log() { # OUTCOME NAME
    [ "$(/usr/bin/python3 -c '
import sqlite3
print(sqlite3.connect("records").execute("SELECT outcome FROM change_order ORDER BY id DESC LIMIT 1").fetchone()[0])')" = "$1" ]
    verdict $? "$2: on record as '$1'"
}

gone() {
    /usr/bin/python3 "$here/demo_card.py" gone
}

# with_card MANNER PATTERN [OUTCOME]
with_card() {
    /usr/bin/python3 "$here/hostile_card.py" "$1" &
    card=$!
    fails "$1" "$2"
    [ $# -lt 3 ] || in_log "$3" "$1"
    kill $card 2>/dev/null
    wait $card 2>/dev/null
    card=''
    gone
}

# A fresh pcscd looks for cards only while it has a client.
pcsc_scan -n >scan.log 2>&1 &
keeper=$!

fails "no card" 'no card in any reader; pcscd has: 0 .Virtual PCD 00 00'
fails "no such reader" "reader 'Cherry': there is none" --reader Cherry
fails "no card in that reader" 'Virtual PCD 00 01: no card in the reader' --reader 1
with_card other-card 'has ICCID 8988211000000430028, not 8988211000000430010; nothing was sent'
with_card no-iccid 'does not show its ICCID: file not found \(6A82\)'
with_card no-profile 'refuses TERMINAL PROFILE: .* \(6F00\)'
with_card wishes 'make no sense'
[ ! -e records ] || [ "$(/usr/bin/python3 -c '
import sqlite3
print(sqlite3.connect("records").execute("SELECT count(*) FROM change_order").fetchone()[0])')" = 0 ]
verdict $? "no counter was spent on them"

with_card silent 'no proof of receipt: normal ending \(9000\)' 'no proof of receipt'
with_card busy 'no proof of receipt: toolkit busy.* \(9300\)' 'no proof of receipt'
with_card error 'no proof of receipt: .* \(6F00\)' 'no proof of receipt'
with_card plain-failure 'did not accept the packet: RC/CC/DS failed \(01\)' 'not accepted'
with_card plain-obeyed 'did not accept the packet: .* proves nothing' 'not accepted'
with_card forged 'forged' 'forged answer'
with_card short 'whether the order was obeyed is not known' 'unintelligible answer'
with_card noise 'whether the order was obeyed is not known' 'unintelligible answer'
with_card long 'whether the order was obeyed is not known' 'unintelligible answer'
with_card for-ever 'make no sense; whether the order was obeyed is not known'
with_card half 'whether the order was obeyed is not known'
with_card mute 'mute|no card'
# The last one: pcscd may not see the card that comes after one that left in the middle of a command.
with_card leaves 'whether the order was obeyed is not known'

tap_end
