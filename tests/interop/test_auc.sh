#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_auc.sh SOFTUICC: the key manager's vault, the operator's authentication centre, and others who take its subscribers: a real osmo-hlr, and
# hostapd's EAP server, which asks `softuicc auc serve`, with wpa_supplicant's card code (eapol_test) and a card in pcscd's reader on the other side.
# TAP on standard output; exit code 77: cannot be tried here.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/tap.bash
. "$here/../tap.bash"
if [[ -z ${VPCD_PORT-} ]]; then
    exec "$here/with-pcscd" -- bash "$here/test_auc.sh" "$@"
fi
softuicc=$(readlink -f "${1:?Usage: test_auc.sh SOFTUICC}")
PATH=$PATH:/usr/sbin:/sbin
tmp=$(mktemp -d)
card_pid='' auc_pid='' eap_pid='' hlr_pid=''
tap_files=(said)
# shellcheck disable=SC2317 # called by trap
clean_up() {
    for pid in $card_pid $auc_pid $eap_pid $hlr_pid; do
        kill "$pid" 2>/dev/null
        wait "$pid" 2>/dev/null
    done
    rm -rf "$tmp"
}
trap clean_up EXIT
cd "$tmp" || exit 1

does() { # TEXT ARGUMENT...: softuicc does it
    local text=$1
    shift
    timeout 60 "$softuicc" "$@" >said 2>&1 </dev/null
    verdict $? "$text"
}

refuses() { # TEXT CODE PATTERN ARGUMENT...: it does not, in one line
    local text=$1 code=$2 pattern=$3
    shift 3
    timeout 60 "$softuicc" "$@" >out 2>said </dev/null
    [[ $? == "$code" && ! -s out && $(wc -l <said) == 1 ]] && grep -qE "$pattern" said
    verdict $? "$text"
}

have() {
    type -P "$1" >/dev/null
}

# ---- the key manager and two operators ----
imsi=001010123456780 imsi_b=001020000000001
have openssl || skip_all "openssl is not installed: apt-get install openssl"
for party in maker a b; do
    kind=(ec -pkeyopt ec_paramgen_curve:P-256)
    [[ $party != a ]] || kind=(rsa:2048)
    (umask 077 && openssl req -x509 -newkey "${kind[@]}" -nodes -keyout $party.pem -out $party.crt -days 2 -subj /CN=$party 2>/dev/null)
done
does "new --vault: a deck and its vault" new card.uicc --profile test --imsi $imsi --vault maker.vault --keys maker.keys
iccid=$(sed -n 's/.*ICCID \([0-9]*\),.*/\1/p' said)
[[ $(stat -c %a maker.vault maker.vault.key | sort -u) == 600 ]]
verdict $? "both with mode 600"
does "vault identity" vault identity --vault maker.vault --cert maker.crt --key maker.pem
does "operator A" vault operator add A --vault maker.vault --cert a.crt
does "operator B" vault operator add B --vault maker.vault --cert b.crt
does "A is entitled to pair 0" vault entitle --vault maker.vault --operator A --iccid "$iccid" --index 0
refuses "B is not" 1 "not entitled" vault reveal --vault maker.vault --iccid "$iccid" --index 0 --to B -o b.cms
does "pair 0 for A" vault reveal --vault maker.vault --iccid "$iccid" --index 0 --to A -o a.cms
head=$(sed -n 's/.*log //p' said)
does "A opens it" vault open a.cms --cert a.crt --key a.pem --trust maker.crt -o a.keys
cmp <(grep -v '^#' a.keys) <(awk -F'\t' 'NR == 1 || $2 == 0' maker.keys)
verdict $? "and has pair 0, and nothing else"
openssl cms -decrypt -inform DER -in a.cms -recip a.crt -inkey a.pem -out inner 2>said &&
    openssl cms -verify -inform DER -in inner -certfile maker.crt -CAfile maker.crt -purpose any -out text 2>said && grep -q "^to $(openssl x509 -in a.crt -outform DER | sha256sum | cut -d' ' -f1)$" text
verdict $? "openssl cms opens and verifies it too"
refuses "B opens nothing of A's" 1 "not enveloped for this certificate" vault open a.cms --cert b.crt --key b.pem -o b.keys
does "vault verify" vault verify --vault maker.vault --head "$head"
does "the vault shows no key" vault list --vault maker.vault --json
! grep -qiE "$(awk -F'\t' 'NR > 1 { for (i = 5; i <= 12; i++) if (length($i) >= 16) print $i }' maker.keys | paste -sd'|')" said
verdict $? "indeed"

# ---- the hand-over, by message ----
por=027100000e0ab00010000000000100000102030405
por=${por:0:6}$(printf %04x $(((${#por} - 10) / 2)))${por:10}
does "A's list for B" handover make --row "$iccid,$imsi_b,1,A0B1,$por" --sign a.crt --key a.pem --to b.crt -o list.cms
timeout 60 "$softuicc" handover import list.cms --cert b.crt --key b.pem --trust a.crt --records b.records \
    --imsi-range 001030000000000-001030000009999 >out 2>said
[[ $? == 1 && $(wc -l <said) == 2 && ! -e b.records ]] && grep -q 'the IMSI is none of ours' said && grep -q 'nothing was imported' said
verdict $? "B refuses what is not his: a line for the row, a line for the list, and no records"
does "B imports it" handover import list.cms --cert b.crt --key b.pem --trust a.crt --records b.records --imsi-range 001020000000000-001020000009999
refuses "but once" 1 "this very list was imported before" handover import list.cms --cert b.crt --key b.pem --trust a.crt \
    --records b.records --imsi-range 001020000000000-001020000009999

# ---- the authentication centre ----
does "auc add" auc add --db auc.db --keys a.keys --imsi $imsi
does "auc vector" auc vector --db auc.db --imsi $imsi --json

authenticate() { # RAND AUTN: what the card answers, in hex, without status word
    "$softuicc" apdu card.uicc --auto 00A4040C07A0000000871002 "008800812210${1}10$2" 2>/dev/null | sed -n 's/^< \([0-9A-F]*\)9000.*/\1/p' | tail -1
}

/usr/bin/python3 -c '
import json
v = json.load(open("said"))
res = v["xres"] + "10" + v["ck"] + "10" + v["ik"]
print(v["rand"], v["autn"], "DB%02X" % (len(v["xres"]) // 2) + res)' >vector 2>&1
read -r rand autn expected <vector
[[ $(authenticate "$rand" "$autn") == "$expected"* ]]
verdict $? "the card accepts it" vector
auts=$(authenticate "$rand" "$autn")
[[ $auts == DC0E* ]]
verdict $? "and not twice" vector
does "auc resync" auc resync --db auc.db --imsi $imsi --rand "$rand" --auts "${auts:4:28}"
refuses "auc resync with a changed AUTS" 1 "MAC-S is wrong" auc resync --db auc.db --imsi $imsi --rand "$rand" --auts "${auts:4:26}00"

# ---- osmo-hlr ----
if have osmo-hlr && have osmo-hlr-db-tool; then
    does "auc export --format osmo-hlr" auc export --db auc.db --format osmo-hlr -o hlr.sql
    [[ $(stat -c %a hlr.sql) == 600 ]]
    verdict $? "with mode 600"
    osmo-hlr-db-tool -l hlr.db create >said 2>&1
    /usr/bin/python3 -c 'import sqlite3; sqlite3.connect("hlr.db").executescript(open("hlr.sql").read())' >>said 2>&1
    verdict $? "its data base takes it"
    printf '%s\n' 'log stderr' ' logging level set-all error' 'line vty' ' no login' ' bind 127.0.0.1' hlr ' gsup' '  bind ip 127.0.0.1' >hlr.cfg
    osmo-hlr -c hlr.cfg -l hlr.db >hlr.log 2>&1 &
    hlr_pid=$!
    soon bash -c 'exec 3<>/dev/tcp/127.0.0.1/4222'
    verdict $? "osmo-hlr serves" hlr.log
    /usr/bin/python3 "$here/osmo_hlr.py" $imsi >vectors 2>hlr.said
    verdict $? "it makes vectors" hlr.said hlr.log
    count=0
    while read -r rand autn res ck ik; do
        answer=$(authenticate "$rand" "$autn")
        [[ ${answer,,} == "db08${res}10${ck}10${ik}"* ]] && count=$((count + 1))
    done <vectors
    [[ $count == "$(wc -l <vectors)" && $count -ge 1 ]]
    verdict $? "the card accepts every one ($count): the sequence number went along" vectors
    read -r rand autn _ <vectors
    auts=$(authenticate "$rand" "$autn")
    /usr/bin/python3 "$here/osmo_hlr.py" $imsi "${auts:4:28}" "$rand" >vectors 2>hlr.said && read -r rand autn _ <vectors &&
        [[ $(authenticate "$rand" "$autn") == DB* ]]
    verdict $? "and resynchronises with the card" hlr.said hlr.log
else
    skip "osmo-hlr" "osmo-hlr is not installed: apt-get install osmo-hlr"
fi

# ---- hostapd asks us ----
if have hostapd && have eapol_test; then
    "$softuicc" run card.uicc --host "$VPCD_HOST" --port "$VPCD_PORT" 2>card.log &
    card_pid=$!
    "$softuicc" auc serve --db auc.db --socket auc.socket --verbose >auc.log 2>&1 &
    auc_pid=$!
    soon test -S auc.socket
    verdict $? "auc serve" auc.log
    [[ $(stat -c %a auc.socket) == 600 ]]
    verdict $? "its socket has mode 600"
    printf '"0"* AKA\n"1"* SIM\n"6"* AKA%s\n' "'" >users
    echo '127.0.0.1 radius' >clients
    printf '%s\n' interface=lo driver=none logger_stdout=-1 eap_server=1 eap_user_file=users eap_sim_db=unix:auc.socket \
        radius_server_clients=clients radius_server_auth_port=1812 >hostapd.conf
    hostapd hostapd.conf >hostapd.log 2>&1 &
    eap_pid=$!
    soon grep -q AP-ENABLED hostapd.log
    verdict $? "hostapd serves" hostapd.log
    soon eapol_test scard
    for method in "SIM 1" "AKA 0" "AKA' 6"; do
        read -r name prefix <<<"$method"
        printf 'network={\n  ssid="x"\n  key_mgmt=WPA-EAP\n  eap=%s\n  pcsc="Virtual"\n  identity="%s"\n}\n' "$name" \
            "$prefix$imsi@wlan.mnc001.mcc001.3gppnetwork.org" >network
        timeout 30 eapol_test -c network -a 127.0.0.1 -s radius -t 15 >said 2>&1 && tail -n 1 said | grep -qx SUCCESS
        verdict $? "EAP-$name: card, pcscd, eapol_test, hostapd, softuicc auc" said auc.log hostapd.log
    done
    grep -q "^AKA-REQ-AUTH $imsi" auc.log && grep -q "^SIM-REQ-AUTH $imsi" auc.log && ! grep -qi "$(sed -n 's/.*"rand": "\([0-9A-F]*\)".*/\1/p' said)x" auc.log
    verdict $? "auc serve --verbose tells who was asked for" auc.log
    refuses "a second one does not take the socket" 1 "in use" auc serve --db auc.db --socket auc.socket
    kill "$auc_pid" && wait "$auc_pid"
    verdict $? "auc serve ends on SIGTERM" auc.log
    auc_pid=''
    [[ ! -e auc.socket ]]
    verdict $? "and takes its socket away"
else
    skip "EAP with hostapd" "hostapd or eapol_test is not installed: apt-get install hostapd eapoltest"
fi

tap_end
