#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_gammu.sh SOFTUICC: gammu takes softuicc modem for a phone, whose SIM wants its PIN. TAP on standard output; a plan of none says why it cannot be tried here.
# All in one batch: gammu takes four seconds to connect.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/tap.bash
. "$here/../tap.bash"
if [[ -z ${MODEM_PTY-} ]]; then
    type -P gammu >/dev/null || skip_all "gammu is not installed"
    exec "$here/with-modem" --tap --pin "${1:?Usage: test_gammu.sh SOFTUICC}" bash "$here/test_gammu.sh" "$@"
fi

cat >"$MODEM_DIR/gammurc" <<END
[gammu]
device = $MODEM_PTY
connection = at115200
END
printf 'BEGIN:VCARD\nVERSION:2.1\nN:;Anna\nTEL:+4912345\nEND:VCARD\n' >"$MODEM_DIR/anna.vcf"
cat >"$MODEM_DIR/batch" <<END
getsecuritystatus
entersecuritycode PIN 1234
identify
getsecuritystatus
getsmsc
savesms TEXT -text "Saved by gammu"
getsms 1 1
sendsms TEXT +491234567 -text "Hello @ {gammu} äöü"
sendsms TEXT +491234567 -unicode -text Жизнь
sendsms TEXT +491234567 -len 400 -text "$(printf 'long %.0s' {1..70})"
addnew $MODEM_DIR/anna.vcf -memory SM -yes
getallmemory SM
networkinfo
monitor 120
getallsms
END
LC_ALL=C.UTF-8 timeout 90 stdbuf -oL gammu -c "$MODEM_DIR/gammurc" batch "$MODEM_DIR/batch" >"$MODEM_DIR/said" 2>&1 &
gammu_pid=$!
for ((i = 0; i < 1200; i++)); do # a message comes while it watches
    grep -q '^Enabling info about calls' "$MODEM_DIR/said" && break # +CNMI is set
    kill -0 $gammu_pid 2>/dev/null || break
    sleep 0.05
done
echo "sms 040B911326880736F400001101112122220402C834 +4917" >"$MODEM_CONSOLE"
wait $gammu_pid
awk -v dir="$MODEM_DIR" '/^Executing batch/ { match($0, /command [0-9]+/); n = substr($0, RSTART + 8, RLENGTH - 8) } n { print > (dir "/said." n) }' "$MODEM_DIR/said"

says() { # COMMAND TEXT PATTERN...: what this command of the batch said
    local n=$1 text=$2 pattern missing=0
    shift 2
    for pattern; do
        grep -qE -- "$pattern" "$MODEM_DIR/said.$n" 2>/dev/null || missing=1
    done
    verdict $missing "$text" "$MODEM_DIR/said.$n" "$MODEM_DIR/said"
}

says 1 "security status: waiting for PIN" '^Waiting for PIN\.'
says 3 "identify: maker, model, IMEI, IMSI" '^Manufacturer *: softuicc' 'virtual modem' '^IMEI *: [0-9]{15}$' "^SIM IMSI *: $MODEM_IMSI"
says 4 "security status, after the PIN: nothing to enter" '^Nothing to enter'
says 5 "service centre" '^Number *: "\+00101000001"'
says 6 "a message is saved on the card" 'location 1, SIM'
says 7 "and read" '^Saved by gammu$' '^Status *: Read'
says 8 "a message is sent" 'OK, message reference'
says 9 "one in UCS2" 'OK, message reference'
says 10 "one in three parts" 'Sending SMS 3/3.*OK, message reference'
says 12 "a name is written to the phonebook, and read" '"Anna"' '"\+4912345"'
says 13 "network: registered at home" '^Network state *: home network' '^Network *: 001 01' '^GPRS *: attached'
says 14 "monitor: memories, signal, network; a message that comes in" '^SIM phonebook *: *1 used' '^Signal strength' '"\+31628870634"' '^Status *: UnRead' '^SIM SMS status *: 2 used'
says 15 "it is read with the other" '"\+31628870634"' '^Hi$' '^Saved by gammu$' '^2 SMS parts'

jq -r 'select(.event == "sms out") | .tpdu' "$MODEM_LOG" >"$MODEM_DIR/said.out"
[[ $(wc -l <"$MODEM_DIR/said.out") != 5 ]] || echo five >>"$MODEM_DIR/said.out"
says out "the network got five, the second in UCS2" '041604380437043D044C' '^five'
tap_end
