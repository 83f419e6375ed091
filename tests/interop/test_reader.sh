#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_reader.sh SOFTUICC: the card in pcscd's virtual reader, seen by clients that are not ours; readers that go away and come
# back; cards that are killed. TAP on standard output; exit code 0 all held, 1 something did not, 77 cannot be tried here.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/tap.bash
. "$here/../tap.bash"
softuicc=$(readlink -f "${1:?Usage: test_reader.sh SOFTUICC}")
if [[ ${2-} != --inside ]]; then
    [[ -x $softuicc ]] || { echo "test_reader.sh: no program $softuicc" >&2 && exit 1; }
    exec "$here/with-pcscd" bash "$here/test_reader.sh" "$softuicc" --inside
fi

iccid=8988211000000000011
tmp=$(mktemp -d)
deck=$tmp/card.uicc
card_pid='' pcscd_pid=$PCSCD_PID
trap 'kill $card_pid 2>/dev/null; rm -rf "$tmp"' EXIT
# with PROGRAM: does what follows need something that is not here?
with() {
    type -P "$1" >/dev/null && return 0
    skip "$1" "not installed"
    return 1
}

log_has() { # TEXT TIMES
    [[ $(grep -cF -- "$1" "$tmp/log") == "$2" ]] || { cat "$tmp/log" && false; }
}

insert() {
    "$softuicc" run "$deck" --host "$VPCD_HOST" --port "$VPCD_PORT" --trace "$tmp/trace" 2>>"$tmp/log" &
    card_pid=$!
}

# ends SIGNAL CODE: the card's process, in a second
ends() {
    local code=0
    kill "-$1" "$card_pid"
    timeout 5 tail --pid="$card_pid" -f /dev/null
    wait "$card_pid" || code=$?
    card_pid=''
    [[ $code == "$2" ]] || { echo "exit code $code, not $2" && false; }
}

# Everything a stranger needs to read EF.ICCID, in plain T=0.
read_iccid() {
    /usr/bin/python3 - "$iccid" <<'PYTHON'
import sys
from smartcard.CardConnection import CardConnection
from smartcard.Exceptions import CardConnectionException, NoCardException
from smartcard.System import readers

def connected():
    for reader in readers():
        connection = reader.createConnection()
        try:
            connection.connect(CardConnection.T0_protocol)
            return connection
        except (NoCardException, CardConnectionException):
            pass
    sys.exit("no card in any reader")

card = connected()
for fid in ("3F00", "2FE2"):
    _, sw1, sw2 = card.transmit(list(bytes.fromhex("00A4000402" + fid)))
    assert sw1 == 0x61, "SELECT %s: %02X%02X" % (fid, sw1, sw2)
    fcp, sw1, sw2 = card.transmit([0x00, 0xC0, 0x00, 0x00, sw2])
    assert (sw1, sw2) == (0x90, 0x00) and fcp[0] == 0x62, "GET RESPONSE: %02X%02X" % (sw1, sw2)
_, sw1, sw2 = card.transmit([0x00, 0xB0, 0x00, 0x00, 0x00])
assert (sw1, sw2) == (0x6C, 0x0A), "READ BINARY with Le 00: %02X%02X" % (sw1, sw2)
data, sw1, sw2 = card.transmit([0x00, 0xB0, 0x00, 0x00, 0x0A])
assert (sw1, sw2) == (0x90, 0x00), "READ BINARY: %02X%02X" % (sw1, sw2)
digits = "".join("%x%x" % (octet & 15, octet >> 4) for octet in data).rstrip("f")
assert digits == sys.argv[1], "ICCID " + digits
PYTHON
}

# Without TCP_QUICKACK on our side this takes 9 s or more.
many_commands() {
    /usr/bin/python3 - <<'PYTHON'
import time
from smartcard.CardConnection import CardConnection
from smartcard.System import readers

card = readers()[0].createConnection()
card.connect(CardConnection.T0_protocol)
start = time.monotonic()
for _ in range(200):
    data, sw1, sw2 = card.transmit([0x80, 0xF2, 0x00, 0x0C])
    assert (sw1, sw2) == (0x90, 0x00), "STATUS: %02X%02X" % (sw1, sw2)
seconds = time.monotonic() - start
assert seconds < 2, "200 commands took %.1f s" % seconds
PYTHON
}

# What one client left selected and verified, the next must not find: MF is the current file again.
power_cycles() {
    /usr/bin/python3 - <<'PYTHON'
from smartcard import scard
from smartcard.CardConnection import CardConnection
from smartcard.System import readers

def connect():
    card = readers()[0].createConnection()
    card.connect(CardConnection.T0_protocol, disposition=scard.SCARD_UNPOWER_CARD)
    return card

card = connect()
_, sw1, _ = card.transmit(list(bytes.fromhex("00A40004022FE2")))
assert sw1 == 0x61
assert card.transmit([0x00, 0xB0, 0x00, 0x00, 0x0A])[1:] == (0x90, 0x00)
card.disconnect()
card = connect()
assert card.transmit([0x00, 0xB0, 0x00, 0x00, 0x0A])[1:] == (0x69, 0x86)
card.disconnect()
PYTHON
}

scripted() {
    printf '00 A4 00 04 02 3F 00\n80 F2 00 0C\n' >"$tmp/script"
    scriptor "$tmp/script" >"$tmp/scriptor" 2>&1 && grep -q '^< 61 ' "$tmp/scriptor" && grep -q '^< 90 00' "$tmp/scriptor" ||
        { cat "$tmp/scriptor" && false; }
}

scan() {
    timeout 5 pcsc_scan -n -t 2 </dev/null >"$tmp/scan" 2>&1
    tr -d ' \n' <"$tmp/scan" | grep -qi "ATR:[^0-9A-F]*$atr" || { cat "$tmp/scan" && false; }
}

atr_is() {
    opensc-tool -a 2>/dev/null | tr -d ':\n' | grep -qix "$atr"
}

stop_pcscd() {
    kill "$pcscd_pid"
    timeout 5 tail --pid="$pcscd_pid" -f /dev/null || kill -KILL "$pcscd_pid"
    wait "$pcscd_pid" 2>/dev/null
    true
}

start_pcscd() {
    $PCSCD_COMMAND </dev/null >>"$PCSCD_LOG" 2>&1 &
    pcscd_pid=$!
}

refused() { # CODE TEXT ARGUMENT...: one line with that text on standard error
    local code=0 wanted=$1 text=$2
    shift 2
    timeout 10 "$softuicc" run "$@" >"$tmp/out" 2>"$tmp/err" || code=$?
    cat "$tmp/out" "$tmp/err"
    [[ $code == "$wanted" && $(wc -l <"$tmp/err") == 1 && ! -s $tmp/out ]] && grep -qF -- "$text" "$tmp/err"
}

/usr/bin/python3 -c 'import smartcard' 2>/dev/null ||
    skip_all "pyscard is not installed: apt-get install python3-pyscard"

check "a deck is made" "$softuicc" new "$deck" --iccid $iccid --seed 00112233445566778899aabbccddeeff ||
    { tap_end; exit 1; }
: >"$tmp/log"
insert
check "the card says that it is in the reader" soon log_has "card $iccid in reader at $VPCD_HOST:$VPCD_PORT (connected)" 1
check "pyscard reads EF.ICCID" soon read_iccid
atr=$(sed -n 's/.*== ATR \([0-9A-F]*\).*/\1/p' "$tmp/trace" | head -n 1)
check "the trace has the ATR" test -n "$atr"
check "the trace names commands" grep -q -- '-> 00A40004023F00  SELECT' "$tmp/trace"
with opensc-tool && check "opensc-tool sees the ATR" atr_is
with pcsc_scan && check "pcsc_scan sees the ATR" scan
with scriptor && check "scriptor gets answers" scripted
check "no delayed acknowledgements" many_commands
check "a power cycle forgets what was selected" power_cycles

stop_pcscd
check "a reader that went away is mentioned" soon log_has "lost the reader" 1
sleep 2 # attempts to connect fail, and nothing is said of them
check "and that once" log_has "" 2
start_pcscd
check "the card is back when the reader is" soon log_has "(connected)" 2
check "and can be read" soon read_iccid

check "a deck in use is refused to a second process" refused 1 "$card_pid" "$deck"
check "kill -9" ends KILL 137
insert
check "a card started again after kill -9 can be read" soon read_iccid
check "SIGTERM ends it cleanly" ends TERM 0
insert
check "a card started again can be read" soon read_iccid
check "SIGINT ends it cleanly" ends INT 0

check "no deck" refused 1 "$tmp/none.uicc" "$tmp/none.uicc"
check "no such host" refused 1 "no.such.host.invalid" "$deck" --host no.such.host.invalid
check "a port that is no number" refused 2 "--port" "$deck" --port 0x8c7b
check "a trace that cannot be written" refused 1 "$tmp/none/trace" "$deck" --trace "$tmp/none/trace"
check "a card that is not in the deck" refused 1 8988211000000000029 "$deck" --card 8988211000000000029
check "the same card twice" refused 2 twice "$deck" --card $iccid --card $iccid
check "a durability that is none" refused 2 "--durability" "$deck" --durability some

tap_end
