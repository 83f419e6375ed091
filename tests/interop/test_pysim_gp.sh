#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_pysim_gp.sh SOFTUICC: pySim-shell's GlobalPlatform and ARA-M commands at the card, through pcscd, under SCP02 and SCP03. $PYSIM is its checkout (commit a437d111). TAP on standard
# output; a plan of none says why it cannot be tried here.
#
# pySim at that commit encrypts the key data of PUT KEY under SCP02 with single DES and the static key, which no card can decipher: keys are put under SCP03. With R-MAC it cannot take
# a response without data, so the levels 11, 13 and 33 are tried with GET STATUS and GET DATA.
# shellcheck source=tests/interop/pysim-shell.sh
. "$(dirname "$0")/pysim-shell.sh"

insert sja5

# keyset N VERSION: its keys as options of establish_scp
keyset() {
    echo "--key-ver $2 --key-enc $(key "$1" kic) --key-mac $(key "$1" kid) --key-dek $(key "$1" kik)"
}
# which keyset of the record has this version (decimal there)
of_version() {
    awk -F'\t' -v v="$1" 'NR > 1 && $2 ~ /^d/ && $7 == v { print $2 }' "$tmp/keys"
}
scp02=$(keyset "$(of_version 32)" 0x20)
scp03=$(keyset "$(of_version 48)" 0x30)

# ---- without a session ----
shell plain <<SHELL
select ADF.ISD
get_data key_information
get_data card_data
get_data extended_card_resources_info
get_data issuer_identification_number
get_data card_image_number
get_data sequence_counter_of_default_kvn
SHELL
works plain "GET DATA of the issuer security domain"
says plain '"key_version_number": 48' "key information: version 30"
says plain '"aes"' "key information: AES"
says plain '2a864886fc6b' "card recognition data"

# ---- sessions: SCP02, SCP03 in both modes, all levels ----
for level in 1 3; do
    shell "scp02-$level" <<SHELL
select ADF.ISD
establish_scp02 $scp02 --security-level $level
get_status isd
get_status applications
get_status files
get_status files_and_modules
get_data current_security_level
SHELL
    works "scp02-$level" "SCP02, level $level: GET STATUS of every subset"
    says "scp02-$level" "Successfully established a SCP02\[0$level\]" "SCP02, level $level: established"
    says "scp02-$level" '"application_aid": "a000000003000000"' "SCP02, level $level: the domain itself"
    says "scp02-$level" 'a0000000871002' "SCP02, level $level: the USIM"
    says "scp02-$level" 'a0000001515350' "SCP02, level $level: the load file of security domains"
done
for mode in '' --s16-mode; do
    for level in 0x01 0x03 0x11 0x13 0x33; do
        shell scp03 <<SHELL
select ADF.ISD
establish_scp03 $scp03 --security-level $level $mode
get_status isd
get_status applications
get_status files_and_modules --aid a0000001515350
get_data key_information
SHELL
        works scp03 "SCP03 ${mode:-S8}, level $level: GET STATUS, GET DATA"
        says scp03 '"application_aid": "a0000001515350"' "SCP03 ${mode:-S8}, level $level: answers are understood"
    done
done
shell wrong <<SHELL
select ADF.ISD
establish_scp03 --key-ver 0x30 --key-enc 00112233445566778899aabbccddeeff --key-mac 00112233445566778899aabbccddeeff --key-dek 00112233445566778899aabbccddeeff
SHELL
says wrong "cryptogram doesn't match" "other keys: pySim refuses the card's cryptogram"
shell unauthenticated <<SHELL
select ADF.ISD
set_status app_or_ssd locked --aid a00000015141434c00
SHELL
says unauthenticated '6982' "without a session nothing changes"

# ---- keys: AES of every length, then sessions with them; replaced; deleted ----
k128=a94f1c62d80e73b5542b9de6107fc83a # a regular one would be refused
k192=${k128}a1b2c3d4e5f60718
k256=${k128}1029384756abcdef0fedcba987654321
shell put_key <<SHELL
select ADF.ISD
establish_scp03 $scp03 --security-level 3
put_key --key-version-nr 0x31 --key-id 1 --key-type aes --key-data $k128 --key-type aes --key-data ${k128%??}11 --key-type aes --key-data ${k128%??}22
put_key --key-version-nr 0x32 --key-id 1 --key-type aes --key-data $k192 --key-type aes --key-data ${k192%??}11 --key-type aes --key-data ${k192%??}22
put_key --key-version-nr 0x33 --key-id 1 --key-type aes --key-data $k256 --key-type aes --key-data ${k256%??}11 --key-type aes --key-data ${k256%??}22
put_key --key-version-nr 0x21 --key-id 1 --key-type des --key-data $k128 --key-type des --key-data ${k128%??}11 --key-type des --key-data ${k128%??}22
put_key --key-version-nr 0x05 --key-id 1 --key-type aes --key-data $k128 --key-type aes --key-data ${k128%??}11 --key-type aes --key-data ${k128%??}22
get_data key_information
SHELL
works put_key "PUT KEY: AES-128, 192, 256, 3DES; for SCP02, SCP03, SCP80"
says put_key '"key_version_number": 51' "PUT KEY: version 33 is listed"
for v in 31:$k128 32:$k192 33:$k256; do
    for mode in '' --s16-mode; do
        k=${v#*:}
        shell new_keys <<SHELL
select ADF.ISD
establish_scp03 --key-ver 0x${v%%:*} --key-enc $k --key-mac ${k%??}11 --key-dek ${k%??}22 --security-level 0x33 $mode
get_status isd
SHELL
        works new_keys "SCP03 ${mode:-S8} with an AES-$((${#k} * 4)) keyset that was put"
    done
done
shell new02 <<SHELL
select ADF.ISD
establish_scp02 --key-ver 0x21 --key-enc $k128 --key-mac ${k128%??}11 --key-dek ${k128%??}22 --security-level 3
get_status isd
SHELL
works new02 "SCP02 with a keyset that was put"
shell replaced <<SHELL
select ADF.ISD
establish_scp03 $scp03
put_key --old-key-version-nr 0x31 --key-version-nr 0x31 --key-id 2 --key-type aes --key-data ${k128%??}33
delete_key --key-ver 0x32
delete_key --key-ver 0x33 --key-id 3
delete_key --key-ver 0x21
delete_key --key-ver 0x05
get_data key_information
SHELL
works replaced "a key replaced; DELETE by version, and by version and identifier"
! grep -q '"key_version_number": 50' "$tmp/replaced"
verdict $? "what was deleted is not listed" "$tmp/replaced"

# ---- content: a security domain made, given data and keys, locked, deleted ----
shell content <<SHELL
select ADF.ISD
establish_scp02 $scp02 --security-level 3
install_for_install --load-file-aid a0000001515350 --module-aid a000000151535041 --application-aid f0736f66740101 --privilege security_domain --make-selectable
get_status applications --aid f0736f66740101
set_status app_or_ssd locked --aid f0736f66740101
get_status applications --aid f0736f66740101
set_status app_or_ssd selectable --aid f0736f66740101
store_data --data-structure ber_tlv 4204abcdef01
get_data issuer_identification_number
SHELL
works content "INSTALL, SET STATUS, STORE DATA"
says content '"life_cycle_state": "selectable"' "INSTALL: selectable"
says content '"life_cycle_state": 135|locked' "SET STATUS: locked"
says content 'abcdef01' "STORE DATA: kept"
shell personalize <<SHELL
select ADF.ISD
establish_scp03 $scp03 --security-level 3
install_for_personalization a00000015141434c00
store_data --data-structure ber_tlv f000
delete_card_content f0736f66740101
get_status applications
SHELL
! grep -q f0736f66740101 <(sed -n '/get_status/,$p' "$tmp/personalize" | tail -n +2)
verdict $? "DELETE: the security domain is gone" "$tmp/personalize"
says personalize '6a80' "INSTALL for personalization: STORE DATA reaches ARA-M, which refuses what is no rule"
shell nothing <<SHELL
select ADF.ISD
establish_scp03 $scp03 --security-level 3
install_for_install --load-file-aid a0000001515351 --module-aid a000000151535141 --application-aid f0736f66740102 --make-selectable
SHELL
says nothing '6a88' "INSTALL of a module that there is not: 6A88"

# ---- ARA-M ----
app=e46872f28b350b7e1f140de535c2a8d5804f0be3
shell aram <<SHELL
verify_adm 12345678
select ADF.ARA-M
aram_get_config
aram_get_all
aram_store_ref_ar_do --aid ffffffffffff --device-app-id $app --android-permissions 0000000000000001 --apdu-always
aram_store_ref_ar_do --aid-empty --device-app-id $app --apdu-never --nfc-always
aram_store_ref_ar_do --aid a0000000871002 --device-app-id $app --apdu-filter 00a40000ffff0000 --pkg-ref org.example.app
aram_get_all
SHELL
works aram "ARA-M: configuration, rules stored and read"
says aram '"permissions": "0000000000000001"' "ARA-M: permissions"
says aram 'org.example.app' "ARA-M: package name"
says aram '"mask": "ffff0000"' "ARA-M: filter"
shell aram_again <<SHELL
select ADF.ARA-M
aram_get_all
aram_delete_all
SHELL
says aram_again 'org.example.app' "ARA-M: rules outlive the session"
says aram_again '6982' "ARA-M: nobody else deletes them"
shell aram_gone <<SHELL
verify_adm 12345678
select ADF.ARA-M
aram_delete_all
aram_get_all
SHELL
works aram_gone "ARA-M: all deleted"
! grep -q org.example "$tmp/aram_gone"
verdict $? "ARA-M: none left" "$tmp/aram_gone"

# ---- the card locked and unlocked ----
shell locked <<SHELL
select ADF.ISD
establish_scp03 $scp03
apdu 80f0807f00 --expect-sw 9000
get_status isd
select ADF.USIM
SHELL
says locked '6a82' "CARD_LOCKED: the USIM cannot be selected"
shell unlocked <<SHELL
select ADF.ISD
establish_scp03 $scp03
apdu 80f0800f00 --expect-sw 9000
select ADF.USIM
SHELL
works unlocked "SECURED again: it can"
tap_end
