#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_eap.sh SOFTUICC: wpa_supplicant's smart card code (eapol_test) with the card in pcscd's reader, against hostapd's EAP server and an AuC that is not ours:
# EAP-SIM (RFC 4186), EAP-AKA (RFC 4187), EAP-AKA' (RFC 5448). TAP on standard output; exit code 77: cannot be tried here.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/tap.bash
. "$here/../tap.bash"
if [[ -z ${VPCD_PORT-} ]]; then
    PATH=$PATH:/usr/sbin:/sbin
    for need in eapol_test:eapoltest hostapd:hostapd osmo-auc-gen:libosmocore-utils; do
        type -P "${need%:*}" >/dev/null || skip_all "${need%:*} is not installed: apt-get install ${need#*:}"
    done
    exec "$here/with-pcscd" -- bash "$here/test_eap.sh" "$@"
fi
softuicc=$(readlink -f "${1:?Usage: test_eap.sh SOFTUICC}")
PATH=$PATH:/usr/sbin:/sbin
imsi=001010123456780
tmp=$(mktemp -d)
card_pid='' auc_pid='' eap_pid=''
trap 'kill $card_pid $auc_pid $eap_pid 2>/dev/null; rm -rf "$tmp"' EXIT
cd "$tmp" || exit 1

auc() { # SQN: an AuC that begins there
    [[ -z $auc_pid ]] || { kill "$auc_pid" && wait "$auc_pid" 2>/dev/null; }
    rm -f auc
    /usr/bin/python3 "$here/auc_gateway.py" auc $imsi "$k" "$opc" "$1" >>auc.log 2>&1 &
    auc_pid=$!
    soon test -S auc
}

# network METHOD IDENTITY [LINE]: what the terminal is told
network() {
    printf 'network={\n  ssid="x"\n  key_mgmt=WPA-EAP\n  eap=%s\n  pcsc="Virtual"\n  identity="%s"\n  %s\n}\n' "$1" \
        "$2@wlan.mnc001.mcc001.3gppnetwork.org" "${3-}" >network
}

succeeds() { # TEXT: the whole exchange, MPPE keys and all
    timeout 30 eapol_test -c network -a 127.0.0.1 -s radius -t 15 >said 2>&1 && tail -n 1 said | grep -qx SUCCESS
    verdict $? "$1" said
}

"$softuicc" new card.uicc --profile test --imsi $imsi --keys keys >said 2>&1 || { cat said && exit 1; }
"$softuicc" run card.uicc --host "$VPCD_HOST" --port "$VPCD_PORT" 2>log &
card_pid=$!
read -r k opc < <(awk -F'\t' '$2 == 0 { print $5, $6 }' keys)

printf '"0"* AKA\n"1"* SIM\n"6"* AKA%s\n' "'" >users
echo '127.0.0.1 radius' >clients
cat >hostapd.conf <<CONF
interface=lo
driver=none
logger_stdout=-1
eap_server=1
eap_user_file=users
eap_sim_db=unix:auc
radius_server_clients=clients
radius_server_auth_port=1812
CONF
auc 32
hostapd hostapd.conf >hostapd.log 2>&1 &
eap_pid=$!
soon grep -q 'AP-ENABLED' hostapd.log
verdict $? "hostapd serves" hostapd.log

soon eapol_test scard
eapol_test scard >said 2>&1
grep -qF '08 09 10 10 10 32 54 76 08 90 00' said && [[ $(grep -cE "^1$imsi,[0-9A-F]{32},[0-9A-F]{8},[0-9A-F]{16}" said) == 5 ]] &&
    grep -q 'UMTS auth failed - MAC != XMAC' said
verdict $? "eapol_test scard: finds the USIM by EF.DIR, reads EF.IMSI; triplets, and 9862 for a challenge of nobody's" said
eapol_test sim 1234 3 debug >said 2>&1
[[ $(grep -cE "^$imsi:[0-9A-F]{16}:[0-9A-F]{8}:[0-9A-F]{32}" said) == 3 ]]
verdict $? "eapol_test sim: triplets" said

network SIM 1$imsi
succeeds "EAP-SIM"
network AKA 0$imsi
succeeds "EAP-AKA"
succeeds "EAP-AKA again"
network "AKA'" 6$imsi
succeeds "EAP-AKA'"
auc 0 # an AuC that lost its memory
succeeds "EAP-AKA' with an AuC whose SQN is far behind"
grep -q resynchronised auc.log
verdict $? "it was told by AUTS" auc.log

/usr/bin/python3 - <<'PYTHON' >said 2>&1
from smartcard.CardConnection import CardConnection
from smartcard.System import readers
card = readers()[0].createConnection()
card.connect(CardConnection.T0_protocol)
assert card.transmit(list(bytes.fromhex("0028000108" "31323334FFFFFFFF")))[1:] == (0x90, 0x00)
PYTHON
verdict $? "PIN1 is enabled" said
network AKA 0$imsi 'pin="1234"'
succeeds "EAP-AKA with PIN"
network AKA 0$imsi 'pin="4321"'
timeout 30 eapol_test -c network -a 127.0.0.1 -s radius -t 5 >said 2>&1
[[ $? != 0 ]] && grep -qi 'pin' said
verdict $? "with a wrong PIN: nothing" said

tap_end
