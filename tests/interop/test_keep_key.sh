#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Alternative 3a of 3GPP TR 33.812, by its commands, through a real pcscd: operator A changes the IMSI over the air and keeps the key, hands K and OTA keys to B in
# a list that only B can read, and B authenticates and manages the card.
# Usage: with-pcscd test_keep_key.sh PATH/TO/softuicc
set -u
softuicc=$(readlink -f "$1") || exit 1
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=tests/tap.bash
. "$here/../tap.bash"
work=$(mktemp -d) || exit 1
card=''
# shellcheck disable=SC2317 # called by trap
cleanup() {
    [ -z "$card" ] || { kill "$card" 2>/dev/null; wait "$card" 2>/dev/null; }
    rm -rf "$work"
}
trap cleanup EXIT
cd "$work" || exit 1
tap_files=(out err)

does() { # NAME PATTERN COMMAND...: exit code 0, and the pattern in what it prints
    local name=$1 pattern=$2
    shift 2
    timeout 60 "$softuicc" "$@" >out 2>err </dev/null && grep -qE "$pattern" out
    verdict $? "$name"
}

refused() { # NAME PATTERN COMMAND...: exit code 1, one line on stderr
    local name=$1 pattern=$2
    shift 2
    timeout 60 "$softuicc" "$@" >out 2>err </dev/null
    [ $? = 1 ] && [ "$(wc -l <err)" = 1 ] && grep -qE "$pattern" err
    verdict $? "$name"
}

for party in a b c; do
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$party" -keyout $party.pem -out $party.crt -days 2 2>/dev/null || exit 1
    chmod 600 $party.pem
done
does "a card" '1 card of profile test' new card.uicc --profile test --keys a.keys
iccid=$(awk 'NR == 2 { print $1 }' a.keys)
"$softuicc" run card.uicc >run.log 2>&1 &
card=$!
/usr/bin/python3 "$here/demo_card.py" await >/dev/null || exit 1
range=001020000000000-001020000009999
does "A changes the IMSI and keeps the key" 'the keys are as they were' change --iccid "$iccid" --imsi 001020000000001 --keys a.keys --records a.sqlite --keep-key
grep -q '^REFRESH (UICC reset): done$' out && grep -q '^IMSI is now 001020000000001$' out
verdict $? "with REFRESH, and the new IMSI after it"
refused "not once more while it is on trial" '6A95' change --iccid "$iccid" --imsi 001030000000001 --keys a.keys --records a.sqlite --keep-key
does "A's list, with keys, for B" 'of 1 card' handover make --records a.sqlite --imsi-range $range --keys a.keys --sign a.crt --key a.pem --to b.crt --out list.cms
refused "C cannot open it" 'not enveloped for this certificate' handover import list.cms --cert c.crt --key c.pem --trust a.crt --records c.sqlite --imsi-range $range --keys c.keys
refused "B says where the keys go" 'say with --keys' handover import list.cms --cert b.crt --key b.pem --trust a.crt --records b.sqlite --imsi-range $range
does "B imports it" "^$iccid.001020000000001.0" handover import list.cms --cert b.crt --key b.pem --trust a.crt --records b.sqlite --imsi-range $range --keys b.keys
does "B's authentication centre has the subscriber" '' auc add --db b.auc --keys b.keys --iccid "$iccid" --index 0 --imsi 001020000000001
# B authenticates the card: the vector's RAND and AUTN to the USIM. A used the key before, so the first may have to be a resynchronisation.
vector() {
    "$softuicc" auc vector --db b.auc --imsi 001020000000001 --json >vector.json 2>err || return 1
    rand=$(sed -nE 's/.*"rand": ?"([0-9a-fA-F]+)".*/\1/p' vector.json) autn=$(sed -nE 's/.*"autn": ?"([0-9a-fA-F]+)".*/\1/p' vector.json)
    [ ${#rand} = 32 ] && [ ${#autn} = 32 ]
}
kill $card
wait $card 2>/dev/null
card=''
vector && "$softuicc" apdu card.uicc --auto 00A4040C07A0000000871002 "008800812210${rand}10${autn}" >out 2>err && grep -q '^< DB' out
verdict $? "the card accepts B" vector.json out err
does "which ends the trial" '^0 +active +milenage +001020000000001' show card.uicc
tap_end
