#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_srsran.sh SOFTUICC: a real LTE stack. srsUE has the card in pcscd's reader (usim.mode pcsc), srsENB and srsEPC are its network, over srsRAN's radio of
# ZeroMQ sockets; the subscribers of srsEPC are what `softuicc auc export --format srsran` writes. Attached with operator A, changed over, attached with B.
# Needs srsue, srsenb and srsepc of srsRAN 4G, built with PC/SC and ZeroMQ, and their configuration examples (in $SRSRAN_CONFIGS, or where
# srsran_install_configs.sh puts them); Debian 12 has no package of them. Without them, and without /dev/net/tun, it is skipped.
# TAP on standard output.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/tap.bash
. "$here/../tap.bash"
if [[ -z ${VPCD_PORT-} ]]; then
    for need in srsue srsenb srsepc; do
        type -P $need >/dev/null || skip_all "$need is not here: Debian 12 has no package; reader/README.md, \"A real LTE stack\""
    done
    exec "$here/with-pcscd" -- bash "$here/test_srsran.sh" "$@"
fi
softuicc=$(readlink -f "${1:?Usage: test_srsran.sh SOFTUICC}")
configs=
for place in "${SRSRAN_CONFIGS-}" "$HOME/.config/srsran" /etc/srsran /usr/local/share/srsran /usr/share/srsran; do
    [[ -n $place && -r $place/sib.conf && -r $place/rr.conf && -r $place/rb.conf ]] && configs=$place && break
done
[[ -n $configs ]] || skip_all "sib.conf, rr.conf and rb.conf of srsENB are nowhere: name their folder in SRSRAN_CONFIGS"
[[ -c /dev/net/tun ]] || skip_all "no /dev/net/tun: srsUE and srsEPC cannot make their network interfaces"
imsi_a=001010123456780 imsi_b=001020000000042
tmp=$(mktemp -d)
epc='' enb='' ue='' card=''
# shellcheck disable=SC2317 # called by trap
clean_up() {
    local pid
    for pid in $ue $enb $epc $card; do
        kill "$pid" 2>/dev/null
        wait "$pid" 2>/dev/null
    done
    rm -rf "$tmp"
}
trap clean_up EXIT
cd "$tmp" || exit 1

"$softuicc" new card.uicc --profile usim --imsi $imsi_a --keys keys >said 2>&1 || { cat said && exit 1; }
iccid=$(sed -n 's/.*ICCID \([0-9]*\),.*/\1/p' said)
for operator in "a $imsi_a 0" "b $imsi_b 1"; do
    read -r name imsi pair <<<"$operator"
    "$softuicc" auc add --db "$name.db" --keys keys --imsi "$imsi" --index "$pair" >said 2>&1 &&
        "$softuicc" auc export --db "$name.db" --format srsran -o "$name.csv" >said 2>&1
    verdict $? "operator ${name^}: auc export --format srsran" said
done
"$softuicc" run card.uicc --host "$VPCD_HOST" --port "$VPCD_PORT" 2>card.log &
card=$!
patience=100 soon grep -q connected card.log
verdict $? "the card is in the reader" card.log

zmq=fail_on_disconnect=true,base_srate=11.52e6
# attaches MNC CSV IMSI TEXT
attaches() {
    local mnc=$1 csv=$2 imsi=$3 text=$4
    : >epc.conf
    : >enb.conf
    : >ue.conf
    srsepc epc.conf --mme.mcc=001 --mme.mnc="$mnc" --mme.tac=0x0007 --mme.mme_bind_addr=127.0.1.100 --mme.apn=internet --hss.db_file="$csv" \
        --spgw.gtpu_bind_addr=127.0.1.100 --spgw.sgi_if_addr=172.16.0.1 --spgw.sgi_if_name=sgi$mnc --log.filename=epc.log >epc.said 2>&1 &
    epc=$!
    patience=100 soon grep -qi 'SP-GW Initialized' epc.said
    srsenb enb.conf --enb.mcc=001 --enb.mnc="$mnc" --enb.mme_addr=127.0.1.100 --enb.gtp_bind_addr=127.0.1.1 --enb.s1c_bind_addr=127.0.1.1 \
        --enb.n_prb=50 --enb_files.sib_config="$configs/sib.conf" --enb_files.rr_config="$configs/rr.conf" \
        --enb_files.rb_config="$configs/rb.conf" --rf.device_name=zmq \
        --rf.device_args="$zmq,id=enb,tx_port=tcp://*:2000,rx_port=tcp://localhost:2001" --log.filename=enb.log >enb.said 2>&1 &
    enb=$!
    patience=200 soon grep -qi 'eNodeB started' enb.said
    srsue ue.conf --usim.mode=pcsc --usim.reader="Virtual PCD 00 00" --rat.eutra.dl_earfcn=3350 --nas.apn=internet --rf.device_name=zmq \
        --rf.device_args="$zmq,id=ue,tx_port=tcp://*:2001,rx_port=tcp://localhost:2000" --gw.ip_devname=tun$mnc --log.filename=ue.log >ue.said 2>&1 &
    ue=$!
    patience=600 soon grep -q 'Network attach successful' ue.said
    verdict $? "$text" ue.said enb.said epc.said
    grep -qs "$imsi" epc.log epc.said
    verdict $? "with IMSI $imsi" epc.said
    end ue
    end enb
    end epc
}

attaches 01 a.csv $imsi_a "srsUE attaches to operator A's srsEPC"
"$softuicc" change --iccid "$iccid" --imsi $imsi_b --keys keys --records a.records --reader "Virtual PCD 00 00" >said 2>&1
verdict $? "operator A orders the change to B" said
attaches 02 b.csv $imsi_b "srsUE attaches to operator B's, and nothing was configured but the card"

tap_end
