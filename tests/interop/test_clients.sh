#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_clients.sh SOFTUICC SOAK [COUNT]: what a reader has to bear: several slots, several clients, exclusive use, resets in the middle of a command, a pcscd
# that is killed and starts again, a driver that breaks off anywhere; and COUNT commands (4000) of all kinds while the memory of the card's process is watched.
# TAP on standard output; exit code 77: cannot be tried here.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/tap.bash
. "$here/../tap.bash"
PATH=$PATH:/usr/sbin:/sbin
if [[ -z ${VPCD_PORT-} ]]; then
    /usr/bin/python3 -c 'import smartcard' 2>/dev/null ||
        skip_all "pyscard is not installed: apt-get install python3-pyscard"
    exec "$here/with-pcscd" --slots 4 -- bash "$here/test_clients.sh" "$@"
fi
softuicc=$(readlink -f "${1:?Usage: test_clients.sh SOFTUICC SOAK [COUNT]}")
soak=$(readlink -f "${2:?Usage: test_clients.sh SOFTUICC SOAK [COUNT]}")
count=${3:-4000}
export PYTHONDONTWRITEBYTECODE=1
export ASAN_OPTIONS=${ASAN_OPTIONS-}:quarantine_size_mb=1 # or freed memory would look like growth
tmp=$(mktemp -d)
run_pid='' pcscd_pid=$PCSCD_PID hold_pid='' modem_pid=''
# shellcheck disable=SC2317 # called by trap
clean_up() {
    local pid
    for pid in $hold_pid $modem_pid $run_pid; do
        kill "$pid" 2>/dev/null
        wait "$pid" 2>/dev/null
    done
    rm -rf "$tmp"
}
trap clean_up EXIT
cd "$tmp" || exit 1

check() { # TEXT COMMAND...
    local text=$1
    shift
    timeout 120 "$@" >said 2>&1
    verdict $? "$text" said
}

client() {
    /usr/bin/python3 "$here/reader_clients.py" "$@"
}
export -f client
export here
client=(/usr/bin/python3 "$here/reader_clients.py")
readers=("Virtual PCD 00 00" "Virtual PCD 00 01" "Virtual PCD2 00 00" "Virtual PCD2 00 01")

"$softuicc" new deck.uicc --profile usim --count 4 --iccid 8988211000000000011 >said 2>&1 || { cat said && exit 1; }
mapfile -t iccids < <("$softuicc" show deck.uicc | grep -oE '^8988211[0-9]{12,13}' | sort -u)
[[ ${#iccids[@]} == 4 ]] || { echo "1..0 # SKIP cannot tell the cards" && exit 1; }
options=() pairs=()
for i in 0 1 2 3; do
    options+=(--card "${iccids[i]}")
    pairs+=("${readers[i]}=${iccids[i]}")
done
insert() {
    "$softuicc" run deck.uicc --host "$VPCD_HOST" --port "$VPCD_PORT" "${options[@]}" 2>log &
    run_pid=$!
    soon test "$(grep -c connected log)" -ge 4
}
insert
check "four slots, four clients at a time, each with its own card" "${client[@]}" slots "${pairs[@]}"
check "six clients share a card by transactions" "${client[@]}" together "${readers[0]}" 6 25
check "exclusive use" "${client[@]}" exclusive "${readers[1]}"
check "a reset between a command and its GET RESPONSE" "${client[@]}" reset "${readers[2]}"

# softuicc's own clients
mkfifo held
"${client[@]}" hold "${readers[3]}" <held >holding 2>&1 &
hold_pid=$!
exec 9>held
soon grep -q held holding
"$softuicc" modem --reader "${readers[3]}" --off >out 2>err </dev/null
[[ $? == 1 && $(wc -l <err) == 1 ]] && grep -q 'another program is using the card' err
check "softuicc modem says in a line that somebody has the card" test $? == 0
exec 9>&-
wait "$hold_pid"
hold_pid=''

# pcscd goes and comes back; a modem has a card in its reader
printf 'power on\nexpect sim state=ready\nprint on\nwait 40s\n' >first
mkfifo lines
"$softuicc" modem --reader "${readers[3]}" --interactive <lines >modem.log 2>&1 &
modem_pid=$!
exec 8>lines
soon grep -q 'sim state=ready' modem.log
check "softuicc modem over PC/SC" grep -q 'sim state=ready' modem.log
check "pcscd is killed under a client" "${client[@]}" stopped "${readers[0]}" "$pcscd_pid"
wait "$pcscd_pid" 2>/dev/null
echo 'apdu 80F2000C00' >&8
soon grep -q 'card lost' modem.log
check "the modem has lost its card, and says so" grep -q 'sim state=absent' modem.log
$PCSCD_COMMAND </dev/null >>"$PCSCD_LOG" 2>&1 8>&- &
pcscd_pid=$!
for i in 0 1 2 3; do
    check "pcscd started again: card $((i + 1)) is in its reader" "${client[@]}" read "${readers[i]}" "${iccids[i]}"
done
: >modem.log
echo 'power on' >&8
soon grep -q 'sim state=ready' modem.log
check "the modem turns its card on again" grep -q 'sim state=ready' modem.log
echo 'power off' >&8
exec 8>&-
wait "$modem_pid"
check "and ends" test $? == 0
modem_pid=''

kill "$run_pid" && wait "$run_pid"
check "softuicc run ends" test $? == 0
run_pid=''

# a driver of our own
"$softuicc" run deck.uicc --host "$VPCD_HOST" --port 35001 --card "${iccids[0]}" 2>log &
run_pid=$!
check "frames cut anywhere, resets behind commands, connections that end in them" "${client[@]}" rude 35001
kill "$run_pid" && wait "$run_pid"
check "softuicc run has survived it" test $? == 0
run_pid=''

# memory
"$softuicc" run deck.uicc --host "$VPCD_HOST" --port "$VPCD_PORT" --card "${iccids[0]}" --durability none 2>log &
run_pid=$!
soon grep -q connected log
timeout 3000 "$soak" "$count" "${readers[0]}" "$run_pid" >said 2>&1
code=$?
check "$count commands, flat memory: $(tr -d '\n' <said)" test $code == 0

tap_end
