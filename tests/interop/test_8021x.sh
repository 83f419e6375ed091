#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_8021x.sh SOFTUICC: wired ports with IEEE 802.1X. wpa_supplicant (driver wired) has a card in pcscd's reader, hostapd (driver wired, its own EAP
# server) is at the other end of a veth pair in a network namespace of its own, and asks `softuicc auc serve` for vectors: EAP-SIM (RFC 4186), EAP-AKA
# (RFC 4187), EAP-AKA' (RFC 9048); each with a card, a reader, a port and operators of its own, at the same time. The supplicant is told the method and
# nothing else: who it is stands on the card. So after a change of operator, by `softuicc change` through the same reader, it is let in by the new
# operator's network with the same configuration, and refused by the old one's.
# TAP on standard output; exit code 77: cannot be tried here.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/tap.bash
. "$here/../tap.bash"
PATH=$PATH:/usr/sbin:/sbin
if [[ -z ${VPCD_PORT-} ]]; then
    for need in wpa_supplicant:wpasupplicant hostapd:hostapd ip:iproute2; do
        type -P "${need%:*}" >/dev/null || skip_all "${need%:*} is not installed: apt-get install ${need#*:}"
    done
    exec "$here/with-pcscd" --slots 3 -- bash "$here/test_8021x.sh" "$@"
fi
softuicc=$(readlink -f "${1:?Usage: test_8021x.sh SOFTUICC}")
tmp=$(mktemp -d)
methods=(SIM AKA "AKA'")
cd "$tmp" || exit 1

if [[ -z ${PORT_NUMBER-} ]]; then # a process for each method; what they say is one report
    # shellcheck disable=SC2317 # called by trap
    clean_up() {
        local pid
        for pid in "${ports[@]}"; do
            kill "$pid" 2>/dev/null
            wait "$pid" 2>/dev/null
        done
        rm -rf "$tmp"
    }
    ports=() code=0
    trap clean_up EXIT
    for i in 0 1 2; do
        PORT_NUMBER=$i bash "$here/test_8021x.sh" "$softuicc" >"$i" 2>&1 &
        ports+=($!)
    done
    for i in 0 1 2; do
        wait "${ports[i]}" || code=1
    done
    if grep -q '^1\.\.0 # SKIP' 0; then
        grep '^1\.\.0' 0 && exit 0
    fi
    cat 0 1 2 | awk '/^1\.\./ { next } /^(not )?ok / { n++; sub(/ok [0-9]+/, "ok " n) } { print } END { print "1.." n }'
    exit $code
fi

method=${methods[PORT_NUMBER]}
readers=("Virtual PCD 00 00" "Virtual PCD 00 01" "Virtual PCD2 00 00") # as pcscd calls the slots
reader=${readers[PORT_NUMBER]}
imsi_a=00101012345678$PORT_NUMBER imsi_b=00102000000004$PORT_NUMBER
sta=sta$PORT_NUMBER ap=ap$PORT_NUMBER
card_pid='' auc_pid='' eap_pid='' port_pid='' far_pid='' db=''
# shellcheck disable=SC2317 # called by trap
clean_up() {
    local pid
    for pid in $port_pid $eap_pid $auc_pid $card_pid $far_pid; do
        kill "$pid" 2>/dev/null
        wait "$pid" 2>/dev/null
    done
    rm -rf "$tmp"
}
trap clean_up EXIT
cd "$tmp" || exit 1

# The port: $sta is ours, $ap the switch's, in a namespace of its own.
unshare --net sleep infinity &
far_pid=$!
soon test "$(readlink /proc/self/ns/net)" != "$(readlink /proc/$far_pid/ns/net)"
ip link add $sta type veth peer name $ap netns "$far_pid" 2>said && ip link set $sta up ||
    skip_all "no veth pair can be had here: $(tail -n1 said)"
far() {
    nsenter --net="/proc/$far_pid/ns/net" "$@"
}
far ip link set lo up
far ip link set $ap up

"$softuicc" new card.uicc --profile test --imsi $imsi_a --keys keys >said 2>&1 || { cat said && exit 1; }
iccid=$(sed -n 's/.*ICCID \([0-9]*\),.*/\1/p' said)
"$softuicc" run card.uicc --host "$VPCD_HOST" --port $((VPCD_PORT + PORT_NUMBER)) 2>card.log &
card_pid=$!

# operator DB: serves vectors, and lets in whom they fit
printf '"0"* AKA\n"1"* SIM\n"6"* AKA%s\n' "'" >users
printf '%s\n' interface=$ap driver=wired logger_stdout=-1 logger_stdout_level=1 ieee8021x=1 eap_reauth_period=0 use_pae_group_addr=1 eap_server=1 \
    eap_user_file=users eap_sim_db=unix:auc.socket ctrl_interface=control >hostapd.conf
operator() {
    db=$1
    end eap_pid
    end auc_pid
    "$softuicc" auc serve --db "$db" --socket auc.socket --verbose >auc.log 2>&1 &
    auc_pid=$!
    soon test -S auc.socket
    nsenter --net="/proc/$far_pid/ns/net" hostapd hostapd.conf >hostapd.log 2>&1 &
    eap_pid=$!
    soon grep -q AP-ENABLED hostapd.log
}

# plug [PIN [PIN]]: the cable goes in; what came of it is in `port`. wpa_supplicant wants PIN1 at its start and once more for the port
plug() {
    end port_pid
    : >port
    {
        printf 'ap_scan=0\npcsc_reader=%s\n%s\n' "$reader" "${1:+pcsc_pin=$1}"
        printf 'network={\n  key_mgmt=IEEE8021X\n  eap=%s\n  pcsc=""\n  eapol_flags=0\n  %s\n}\n' "$method" "${2:+pin=\"$2\"}"
    } >wpa.conf
    wpa_supplicant -D wired -i $sta -c wpa.conf >port 2>&1 &
    port_pid=$!
}

let_in() { # TEXT [PIN]
    plug "${2-}" "${2-}"
    soon grep -q CTRL-EVENT-CONNECTED port && soon authorized
    verdict $? "EAP-$method: $1" port hostapd.log auc.log
    end port_pid
}

authorized() {
    far hostapd_cli -p control -i $ap all_sta | grep -q '^flags=.*\[AUTHORIZED\]'
}

kept_out() { # TEXT PATTERN [PIN]: told so, and the port stays closed. hostapd would not listen to the same station again for a minute
    operator "$db"
    plug "${3-}"
    soon grep -qE "$2" port
    local code=$?
    sleep 0.5
    grep -q CTRL-EVENT-CONNECTED port && code=1
    verdict $code "EAP-$method: $1" port hostapd.log auc.log
    end port_pid
}

add() { # DB IMSI PAIR
    "$softuicc" auc add --db "$1" --keys keys --imsi "$2" --index "$3" >said 2>&1 || cat said
}
add a.db "$imsi_a" 0
add b.db "$imsi_b" 1
add wrong.db "$imsi_a" 1

# An AuC whose sequence numbers were lost: the card says what it has (TS 33.102 6.3.5). EAP-SIM has none.
forgetful() { # DB IMSI PAIR WHO
    [[ $method == SIM ]] && return
    rm "$1" "$1.key"
    add "$1" "$2" "$3"
    operator "$1"
    let_in "$4: resynchronised"
    grep -q "^AKA-AUTS $2" auc.log
    verdict $? "EAP-$method: by AUTS" auc.log
}

operator a.db
verdict $? "EAP-$method: hostapd and softuicc auc serve, operator A" hostapd.log auc.log
let_in "let in"
grep -q "REQ-AUTH $imsi_a" auc.log
verdict $? "EAP-$method: with the identity that the card has" auc.log
let_in "again"
forgetful a.db "$imsi_a" 0 "operator A's numbers lost"
db=wrong.db
kept_out "another K: kept out" 'CTRL-EVENT-EAP-FAILURE|UMTS auth failed - MAC|invalid MAC|AT_MAC'
db=a.db

# PIN1 enabled
pin() { # HEX OF THE COMMAND
    /usr/bin/python3 - "$1" "$reader" <<'PYTHON'
import sys
from smartcard.CardConnection import CardConnection
from smartcard.System import readers
card = next(r for r in readers() if sys.argv[2] in str(r)).createConnection()
card.connect(CardConnection.T0_protocol)
data, sw1, sw2 = card.transmit(list(bytes.fromhex(sys.argv[1])))
print("%02X%02X" % (sw1, sw2))
PYTHON
}
if /usr/bin/python3 -c 'import smartcard' 2>/dev/null; then
    [[ $(pin 002800010831323334FFFFFFFF) == 9000 ]]
    verdict $? "EAP-$method: PIN1 enabled"
    operator a.db
    let_in "with PIN1" 1234
    if [[ $method == AKA ]]; then
        kept_out "with a wrong PIN1: kept out" 'PIN|SCARD|IMSI' 4321
        [[ $(pin 0020000100) == 63C2 ]]
        verdict $? "EAP-$method: one try spent, not more"
        operator a.db
        let_in "with the right one again" 1234
    fi
    [[ $(pin 002600010831323334FFFFFFFF) == 9000 ]]
    verdict $? "EAP-$method: PIN1 disabled"
fi

# The change of operator. Nothing is configured anew.
"$softuicc" change --iccid "$iccid" --imsi "$imsi_b" --keys keys --records a.records --reader "$reader" >said 2>&1
verdict $? "EAP-$method: operator A orders the change to B" said
operator b.db
let_in "let in by operator B, with the same configuration"
grep -q "REQ-AUTH $imsi_b" auc.log && ! grep -q "$imsi_a" auc.log
verdict $? "EAP-$method: with the new identity" auc.log
forgetful b.db "$imsi_b" 1 "operator B's numbers lost"
db=a.db
kept_out "operator A does not know the card any more" 'CTRL-EVENT-EAP-FAILURE'

tap_end
