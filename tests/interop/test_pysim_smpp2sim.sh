#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_pysim_smpp2sim.sh SOFTUICC: pySim-smpp2sim between our operator's end and our card: `softuicc ota send --smpp` is the ESME, pySim's program the SMSC, network and phone, the
# card is in a PC/SC reader. $PYSIM_SMPP2SIM is a checkout of pySim that has pySim-smpp2sim.py and starts here (the one before pyosmocom with that one commit on top: a437d111 and
# a2bfd39). TAP on standard output; a plan of none says why it cannot be tried here.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/tap.bash
. "$here/../tap.bash"
softuicc=$(readlink -f "${1:?Usage: test_pysim_smpp2sim.sh SOFTUICC}")
if [[ -z ${VPCD_PORT-} ]]; then
    [[ -n ${PYSIM_SMPP2SIM-} ]] || skip_all "PYSIM_SMPP2SIM does not name a checkout of pySim with pySim-smpp2sim.py"
    [[ -r $PYSIM_SMPP2SIM/pySim-smpp2sim.py ]] || skip_all "no pySim-smpp2sim.py in $PYSIM_SMPP2SIM"
    exec "$here/with-pcscd" -- bash "$here/test_pysim_smpp2sim.sh" "$@"
fi
export PYTHONDONTWRITEBYTECODE=1
cd "$PYSIM_SMPP2SIM" || exit 1
wrong=$(/usr/bin/python3 pySim-smpp2sim.py --help 2>&1 >/dev/null | tail -n 1)
[[ -z $wrong ]] || skip_all "pySim-smpp2sim does not start: $wrong"

tmp=$(mktemp -d)
card='' sim='' port=2775
trap 'kill $card $sim 2>/dev/null; rm -rf "$tmp"' EXIT

# In a network namespace of its own (with-pcscd) the port is free; where there is none, another program may have it.
if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
    skip_all "port $port is in use"
fi
"$softuicc" new "$tmp/card.uicc" --profile usim --keys "$tmp/keys" >/dev/null
"$softuicc" run "$tmp/card.uicc" >"$tmp/run" 2>&1 &
card=$!
# pySim takes the first reader and does not wait for a card: pcscd must have seen it.
soon opensc-tool --atr
/usr/bin/python3 pySim-smpp2sim.py -p 0 --smpp-bind-ip 127.0.0.1 --smpp-bind-port $port >"$tmp/sim" 2>&1 &
sim=$!
for ((i = 0; i < 150; i++)); do
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
    sleep 0.1
done

sends() { # TEXT PATTERN ARGUMENT...: the proof of receipt is genuine, and what it explains matches
    local text=$1 pattern=$2
    shift 2
    "$softuicc" ota send --keys "$tmp/keys" --smpp 127.0.0.1:$port --to 12345 --data-coding 04 --timeout 20 "$@" >"$tmp/out" 2>&1 </dev/null &&
        grep -qE -- "$pattern" "$tmp/out"
    verdict $? "$text" "$tmp/out" "$tmp/sim"
}

select=(--tar B00000 --apdu 00A4000C023F00 --apdu 00A4000C022FE2)
sends "receipt in the delivery report" 'status 00|00.*ok|9000' "${select[@]}" --counter 1
sends "receipt by SMS-SUBMIT, fetched by pySim" '9000' "${select[@]}" --counter 2 --por always,cc,ciphered,submit
sends "a file is read: its octets come back" '98[0-9A-F]{18}' "${select[@]}" --apdu 00B000000A --counter 3
sends "expanded format" '9000' "${select[@]}" --counter 4 --expanded
tap_end
