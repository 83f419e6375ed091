#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_pysim.sh SOFTUICC: pySim (https://gitea.osmocom.org/sim-card/pysim) at the card, through pcscd. $PYSIM is its checkout; what it needs of Python
# that Debian has not must be in $PYTHONPATH. TAP on standard output; a plan of none says why it cannot be tried here. pySim-shell's exit code says nothing: EXCEPTION in its
# output does.
# shellcheck source=tests/interop/pysim-shell.sh
. "$(dirname "$0")/pysim-shell.sh"

# challenge K OPC SQN: "RAND AUTN RES", by an AuC that is not ours
challenge() {
    osmo-auc-gen -3 -a MILENAGE -f 8000 -k "$1" -o "$2" -s "$3" |
        awk '$1 == "RAND:" { r = $2 } $1 == "AUTN:" { a = $2 } $1 == "RES:" { x = $2 } END { print r, a, x }'
}

# exports PROFILE: all is exported, all decodes, and what was exported changes nothing when it is written back
exports() {
    local profile=$1 unwritable
    printf 'verify_adm 12345678\nselect MF\nexport\n' | shell export
    grep -E '^# bad file:' "$tmp/export" | grep -v 'got 6a82' >"$tmp/bad"
    [[ ! -s $tmp/bad ]] && grep -q '^# total files visited' "$tmp/export"
    verdict $? "$profile: export: $(grep -c '^select ' "$tmp/export") files and directories, others are absent ($(grep -c '^# bad file:.*6a82' "$tmp/export"))" \
        "$tmp/bad" "$tmp/export"
    # DRI: pySim's own decoder fails on any content; BER-TLV files and ARA-M: it has none for them
    printf 'verify_adm 12345678\nselect MF\nexport --json\n' | shell decoded
    grep -E '^# bad file:' "$tmp/decoded" | grep -vE "got 6a82|BerTlvEF encoder not yet implemented|res_do encoder not yet implemented|EF\.DRI, 'int' object is not iterable" >"$tmp/bad"
    [[ ! -s $tmp/bad ]]
    verdict $? "$profile: every file decodes" "$tmp/bad"
    { echo 'set conserve_write false' && echo 'verify_adm 12345678' && echo 'select ADF.USIM' && echo 'verify_chv --pin-nr 129 5678' &&
        grep -E '^(select|update|set_data|delete)' "$tmp/export"; } | shell back
    printf 'verify_adm 12345678\nselect MF\nexport\n' | shell again
    diff "$tmp/export" "$tmp/again" >"$tmp/bad"
    verdict $? "$profile: written back, nothing changed" "$tmp/bad"
    # EF.ICCID is never updated; records of cyclic files (LND, ICI, OCI) have no number to be written to; call timers are for INCREASE
    unwritable=$("$python" - "$tmp/back" <<'PYTHON'
import re, sys
fids = set()
for part in re.split(r'\n?\{\n    "(?:file_descriptor|fid|name)', open(sys.argv[1]).read()):
    fid = re.search(r'"file_identifier": "(....)"', part)
    if fid and "EXCEPTION" in part:
        fids.add(fid[1])
print(*sorted(fids))
PYTHON
    )
    ! tr ' ' '\n' <<<"$unwritable" | grep -qvE '^(2fe2|6f39|6f44|6f80|6f81|6f82|6f83)?$'
    verdict $? "$profile: only what cannot be written was not (${unwritable:-none})" "$tmp/back"
}

# ---- the full USIM ----
insert usim
timeout 60 "$python" pySim-read.py -p 0 </dev/null >"$tmp/read" 2>&1
says read "^ICCID: $iccid" "pySim-read: EF.ICCID"
says read '^IMSI: 001010123456780' "pySim-read: EF.IMSI"
says read '^Done !' "pySim-read reads to the end"
exports usim

shell files <<'SHELL'
verify_adm 12345678
select MF
create_ef --ef-arr-file-id 2f06 --ef-arr-record-nr 2 --file-size 16 --structure transparent --short-file-id 15 --shareable 6f7e
create_ef --ef-arr-file-id 2f06 --ef-arr-record-nr 2 --file-size 30 --structure linear_fixed --record-length 10 6f98
create_df --ef-arr-file-id 2f06 --ef-arr-record-nr 7 --total-file-size 512 5f00
select 5f00
select MF
select 6f7e
update_binary 000102030405060708090a0b0c0d0e0f
read_binary
select MF
select 6f98
update_record 2 00112233445566778899
select MF
resize_ef --file-size 50 6f98
select 6f98
read_records
select MF
delete_file --force-delete 6f98
delete_file --force-delete 6f7e
delete_file --force-delete 5f00
SHELL
works files "create, resize and delete files"
says files '^000102030405060708090a0b0c0d0e0f$' "a new file is read as it was written"
says files '^005 ffffffffffffffffffff' "a resized file has more records"
shell gone <<<'select 6f98'
says gone 'EXCEPTION.*6a82' "a deleted file is gone"

shell lives <<'SHELL'
verify_adm 12345678
select MF
select EF.PL
deactivate_file
SHELL
works lives "deactivate a file"
printf 'select EF.PL\nread_binary\n' | shell dead
says dead 'EXCEPTION.*6984' "it is not read"
shell lives <<'SHELL'
verify_adm 12345678
select MF
activate_file EF.PL
select EF.PL
read_binary_decoded
SHELL
works lives "activate it"
shell terminated <<'SHELL'
verify_adm 12345678
select MF
create_ef --ef-arr-file-id 2f06 --ef-arr-record-nr 2 --file-size 16 --structure transparent 6f7e
select 6f7e
select MF
terminate_ef --force 6f7e
SHELL
says terminated 'EXCEPTION.*6982' "terminating needs its rule"

shell objects <<'SHELL'
verify_adm 12345678
select MF/ADF.USIM/EF.XCAPConfigData
delete_all
set_data 80 00112233
set_data 128 aabb
retrieve_tags
retrieve_data 80
delete_data 80
retrieve_tags
delete_all
SHELL
works objects "BER-TLV: set, retrieve, delete"
says objects '^500400112233' "BER-TLV: a value comes back"

shell channels <<'SHELL'
open_channel 1
switch_channel 1
select MF/ADF.USIM/EF.IMSI
read_binary_decoded
switch_channel 0
select MF/EF.ICCID
read_binary
close_channel 1
SHELL
works channels "logical channels"
says channels '"imsi": "001010123456780"' "EF.IMSI on channel 1"

shell pins <<'SHELL'
select MF
enable_chv 1234
verify_chv 1234
change_chv 4321 1234
verify_chv 4321
change_chv 1234 4321
disable_chv 1234
enable_chv 1234
unblock_chv 12345678 5555
change_chv 1234 5555
select ADF.USIM
verify_chv --pin-nr 129 5678
change_chv --pin-nr 129 8765 5678
change_chv --pin-nr 129 5678 8765
unblock_chv --pin-nr 129 87654321 5678
disable_chv 1234
SHELL
works pins "PINs: enable, verify, change, disable, unblock"
for command in 'verify_chv 1234' 'verify_chv --pin-nr 2 1234' 'disable_chv 1234' 'verify_adm 87654321' 'unblock_chv 87654321 1234'; do
    shell refused <<<"$command"
    says refused EXCEPTION "refused: $command"
done
shell verified <<<'verify_adm 12345678'
works verified "ADM1 is as it was"

shell suspended <<<'suspend_uicc --min-duration-secs 1 --max-duration-secs 100'
works suspended "suspend"
says suspended 'Token: [0-9a-f]{16}, SW: 9000' "a token"

shell misc <<'SHELL'
select ADF.USIM
status
terminal_profile ffffffffffff
terminal_capability --extended-logical-channel
envelope d60782028281190109
envelope_sms 400881214365877ff61111111111110300027000
get_identity
cardinfo
SHELL
works misc "status, TERMINAL PROFILE, TERMINAL CAPABILITY, ENVELOPE, GET IDENTITY"
says misc 'SUCI TLV Data Object: 01' "GET IDENTITY gives a SUCI"

# authenticate_as K OPC NAME: with that key, in the USIM and the ISIM; the second time the SQN is old
authenticate_as() {
    local first second
    read -ra first < <(challenge "$1" "$2" 32)
    read -ra second < <(challenge "$1" "$2" 65)
    shell "$3" <<SHELL
select ADF.USIM
authenticate ${first[0]} ${first[1]}
authenticate ${first[0]} ${first[1]}
select ADF.ISIM
authenticate ${second[0]} ${second[1]}
SHELL
    res=${first[2]}
}
if type -P osmo-auc-gen >/dev/null; then
    authenticate_as "$(key 0 k)" "$(key 0 opc)" authenticated
    works authenticated "AUTHENTICATE in USIM and ISIM"
    says authenticated "\"res\": \"$res\"" "RES is that of the AuC"
    says authenticated synchronisation_failure "the same challenge again: synchronisation failure"
    authenticate_as "$(key 1 k)" "$(key 1 opc)" wrong
    says wrong 'EXCEPTION.*9862' "another key: incorrect MAC"
else
    skip "AUTHENTICATE" "osmo-auc-gen is not installed"
fi

# ---- the one that pySim knows by its ATR ----
insert sja5
timeout 60 "$python" pySim-read.py -p 0 </dev/null >"$tmp/read" 2>&1
says read '^Autodetected card type: sysmoISIM-SJA5' "sja5: detected"
says read '^Done !' "sja5: pySim-read reads to the end"
exports sja5
k=$(key 0 k) opc=$(key 0 opc)
timeout 60 "$python" pySim-prog.py -p 0 -t sysmoISIM-SJA5 -o 12345678901234567890123456789012 -k AABBCCDDEEFFAABBCCDDEEFFAABBCCDD -x 001 -y 01 \
    -i 001010000000102 -s $iccid --msisdn 6766266 -a 12345678 -n Prog --acc 0004 </dev/null >"$tmp/prog" 2>&1
says prog '^Programming successful' "sja5: pySim-prog"
timeout 60 "$python" pySim-read.py -p 0 </dev/null >"$tmp/read" 2>&1
for line in 'IMSI: 001010000000102' 'SPN: Prog' 'ACC: 0004' 'MSISDN .*: 6766266' 'Done !'; do
    says read "^$line" "sja5: programmed: $line"
done
if type -P osmo-auc-gen >/dev/null; then # K is no file: pySim-prog writes EF.USIM_AUTH_KEY, and that has no power
    authenticate_as "$k" "$opc" authenticated
    works authenticated "sja5: the card's K is as it was"
fi

tap_end
