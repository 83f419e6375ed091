#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_gsmtap.sh SOFTUICC: `softuicc run --gsmtap`, seen by tshark: its dissector must take every frame, and find in it what was
# sent. TAP on standard output; exit code 0 all held, 1 something did not, 77 cannot be tried here.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/tap.bash
. "$here/../tap.bash"
softuicc=$(readlink -f "${1:?Usage: test_gsmtap.sh SOFTUICC}")
if [[ ${2-} != --inside ]]; then
    type -P tshark >/dev/null || skip_all "tshark is not installed: apt-get install tshark"
    /usr/bin/python3 -c 'import smartcard' 2>/dev/null || skip_all "pyscard is not installed: apt-get install python3-pyscard"
    exec "$here/with-pcscd" bash "$here/test_gsmtap.sh" "$softuicc" --inside
fi

tmp=$(mktemp -d)
card_pid='' tshark_pid=''
trap 'kill $card_pid $tshark_pid 2>/dev/null; rm -rf "$tmp"' EXIT
# What a terminal does at its start, a PIN and an authentication included.
talk() {
    /usr/bin/python3 - <<'PYTHON'
import time
from smartcard.CardConnection import CardConnection
from smartcard.Exceptions import CardConnectionException, NoCardException
from smartcard.System import readers

def connected():
    for _ in range(100): # pcscd looks for cards a few times a second
        for reader in readers():
            card = reader.createConnection()
            try:
                card.connect(CardConnection.T0_protocol)
                return card
            except (NoCardException, CardConnectionException):
                time.sleep(0.1)
    raise SystemExit("no card in any reader")

card = connected()
def send(text):
    return card.transmit(list(bytes.fromhex(text)))
send("00A40004023F00")
send("00C0000010")
send("00A4040C07A0000000871002")
send("00A4000C026F07")
assert send("00B0000009")[1:] == (0x90, 0x00)
assert send("00B000000A")[1] == 0x6C
send("00A4000C026F40")
assert send("00B201041C")[1:] == (0x90, 0x00)
assert send("0028000108" "31323334FFFFFFFF")[1:] == (0x90, 0x00)
assert send("0020000108" "31323334FFFFFFFF")[1:] == (0x90, 0x00)
_, sw1, sw2 = send("0088008122" "10" + "23" * 16 + "10" + "45" * 16)
send("80F2000000")
send("0070000001")
PYTHON
}

fields() { # FILTER FIELD...: one line a frame
    local filter=$1 field arguments=()
    shift
    for field in "$@"; do arguments+=(-e "$field"); done
    tshark -r "$tmp/capture.pcapng" -Y "$filter" -T fields "${arguments[@]}" 2>/dev/null
}

has() { # LINE FILTER FIELD...
    local line=$1
    shift
    fields "$@" >"$tmp/fields"
    grep -qiE -e "$line" "$tmp/fields" || { echo "no line $line in:" && cat "$tmp/fields" && false; }
}

none() { # FILTER
    fields "$1" frame.number _ws.col.Info >"$tmp/fields"
    [[ ! -s $tmp/fields ]] || { cat "$tmp/fields" && tshark -r "$tmp/capture.pcapng" -Y "$1" -V 2>/dev/null | head -60 && false; }
}

no_octets() { # HEX: nowhere in the capture
    tshark -r "$tmp/capture.pcapng" -T fields -e udp.payload 2>/dev/null >"$tmp/payloads"
    ! grep -qi -- "$1" "$tmp/payloads"
}

deck=$tmp/card.uicc
"$softuicc" new "$deck" --seed 00112233445566778899aabbccddeeff >/dev/null || exit 1
# --log-level and the like would not tell: that it captures shows in the file, which begins with a header
tshark -i lo -f 'udp port 4729' -w "$tmp/capture.pcapng" >/dev/null 2>"$tmp/tshark.log" &
tshark_pid=$!
soon grep -q "Capturing on" "$tmp/tshark.log" || skip_all "tshark may not capture here: $(tail -1 "$tmp/tshark.log")"
soon test -s "$tmp/capture.pcapng" || skip_all "tshark captures nothing here"
"$softuicc" run "$deck" --host "$VPCD_HOST" --port "$VPCD_PORT" --gsmtap 127.0.0.1 --trace "$tmp/trace" 2>"$tmp/log" &
card_pid=$!
check "the card is in its reader" soon grep -q connected "$tmp/log"
check "a terminal talks to it" talk
sleep 1
kill "$card_pid" && wait "$card_pid" 2>/dev/null
card_pid=''
kill -INT "$tshark_pid" && wait "$tshark_pid" 2>/dev/null
tshark_pid=''

# GSMTAP's own fields are not shown for type SIM: octet 2 is the type, 12 the sub-type.
check "an ATR comes first" has '^0204040.{25}3b9f' 'frame.number == 1 && udp.payload[2:1] == 04 && udp.payload[12:1] == 01' udp.payload
check "SELECT of the MF" has '^0xa4\s0x3f00\s0x61' 'gsm_sim.apdu.ins == 0xa4' gsm_sim.apdu.ins gsm_sim.file_id gsm_sim.apdu.sw
check "SELECT by AID" has '^a0:?00:?00:?00:?87:?10:?02' 'gsm_sim.aid' gsm_sim.aid
check "READ BINARY with its status word" has '^0xb0\s0x9000' 'gsm_sim.apdu.ins == 0xb0' gsm_sim.apdu.ins gsm_sim.apdu.sw
# tshark misses the data that it expects after a P3 that is not 00, when there is an error in their place.
check "6Cxx" has '6c09$' 'gsm_sim.apdu.ins == 0xb0' udp.payload
check "READ RECORD, its number" has '^0xb2\s1\s0x9000' 'gsm_sim.apdu.ins == 0xb2' gsm_sim.apdu.ins gsm_sim.record_nr gsm_sim.apdu.sw
check "VERIFY, its PIN withheld" has '^0x20\s0x9000' 'gsm_sim.apdu.ins == 0x20' gsm_sim.apdu.ins gsm_sim.apdu.sw
check "AUTHENTICATE" has '^0x88' 'gsm_sim.apdu.ins == 0x88' gsm_sim.apdu.ins
check "the PIN is nowhere in the capture" no_octets 31323334
check "nothing else is malformed" none '_ws.malformed && !(gsm_sim.apdu.ins == 0xb0 && udp.length == 31)'
check "every frame was understood as GSM SIM" none '!gsm_sim'
check "as many frames as the text trace has commands" \
    test "$(fields 'udp.payload[12:1] == 00' frame.number | wc -l)" = "$(grep -c -- ' -> ' "$tmp/trace")"
check "the text trace names files" grep -q -- '-> 00B0000009  READ BINARY MF/ADF.USIM/EF.IMSI' "$tmp/trace"
check "and has times" grep -qE '^ *[0-9]+\.[0-9]{6} == ATR' "$tmp/trace"

tap_end
