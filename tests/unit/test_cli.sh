#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# softuicc as a person meets it: help, exit codes, one-line errors, and nothing changed by what fails.
# Usage: test_cli.sh PATH/TO/softuicc
# shellcheck source=tests/unit/cli.bash
. "$(dirname "$(readlink -f "$0")")/cli.bash"

# ---- help and versions ----
expect "--help" 0 --help
for command in new add remove run show diff apdu ota change smsc vault handover auc export profile commands bench rehearse; do
    says "--help names $command" "^  $command "
done
for command in new add remove run show diff apdu ota change smsc vault handover auc export profile commands bench rehearse; do
    expect "$command --help" 0 "$command" --help
    head -1 out | grep -q "^Usage: softuicc $command"
    verdict $? "$command --help begins with its usage"
    cp out direct
    expect "help $command" 0 help "$command"
    cmp -s out direct
    verdict $? "help $command says the same"
done
man=$(dirname "$script")/../../tools/softuicc.1
for command in new run show apdu "ota encode" "ota decode" "ota send" change smsc profile bench rehearse vault handover auc; do
    # shellcheck disable=SC2086
    "$softuicc" $command --help | grep -oE '(^| )--[a-z-]+' | tr -d ' ' | sort -u | while read -r option; do
        grep -qF -e "Fl -${option#--}" "$man" || echo "$option"
    done >out
    [ ! -s out ]
    verdict $? "the man page has every option of $command"
done
expect "--version" 0 --version
says "--version names a version" '^softuicc [0-9]+\.[0-9]+'
expect "nothing" 2
refuses "unknown command" 2 "no command 'shwo'; did you mean 'show'" shwo
refuses "nothing like it" 2 "no command 'frobnicate'" frobnicate
refuses "help for an unknown command" 2 "no command 'nwe'; did you mean 'new'" help nwe
rm -f direct

# ---- new ----
expect "new without a profile" 0 new plain.uicc --keys plain.keys
says "new makes a full USIM" '^plain\.uicc: 1 card of profile usim, ICCID 8900101[0-9]{12}, IMSI 001010123456780, 8 K/OTA pairs;'
rm -f plain.*
expect "new" 0 new card.uicc --profile test --keys card.keys --seed 000102030405060708090a0b0c0d0e0f
says "new tells what it made" '^card\.uicc: 1 card of profile test, ICCID 8900101[0-9]{12}, IMSI 001010123456780, 4 K/OTA pairs; storage key in card\.uicc\.key; keys recorded in card\.keys$'
[ -f card.uicc ] && [ -f card.uicc.key ] && [ "$(stat -c %a card.uicc.key card.keys | sort -u)" = 600 ] && [ ! -e card.uicc.new ]
verdict $? "new made deck, storage key and key record, the latter two with mode 600"
iccid=$(sed -n 's/.*ICCID \([0-9]*\),.*/\1/p' out)
counts "the key record has a line a pair" "^$iccid	[0-3]	" card.keys 4
grep -q "^$iccid	0	001010123456780	milenage	00112233445566778899aabbccddeeff	63bfa50ee6523365ff14c1f45f88737d	" card.keys
verdict $? "pair 0 is the profile's"
counts "the key record has a header" '^iccid	index	imsi	' card.keys 1
expect "new with the same seed" 0 new again.uicc --profile test --keys again.keys --seed 000102030405060708090a0b0c0d0e0f
cmp -s card.keys again.keys
verdict $? "the same seed gives the same keys"
expect "new without seed" 0 new random.uicc --keys random.keys
! cmp -s card.keys random.keys
verdict $? "without a seed keys differ"
for secret in '\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff' '\x63\xbf\xa5\x0e\xe6\x52\x33\x65\xff\x14\xc1\xf4\x5f\x88\x73\x7d'; do
    ! LC_ALL=C grep -aqP "$secret" card.uicc
    verdict $? "a key is not in the deck in clear: ${secret:0:16}..."
done
expect "new --count" 0 new many.uicc --count 30 --iccid 890010100000009990 --imsi 001010999999000
says "new --count tells first and last" '30 cards .*ICCID 8900101000000099900 to 8900101000000100195|30 cards .*ICCID [0-9]{19} to [0-9]{19}, IMSI 001010999999000 to 001010999999029'
expect "new --iccid with its check digit" 0 new digit.uicc --iccid "$iccid"
rm -f again.* random.* digit.*

refuses "new: no deck" 2 'which deck' new
refuses "new: two decks" 2 'one deck' new a.uicc b.uicc
refuses "new: deck exists" 1 'card\.uicc exists' new card.uicc
touch lonely.uicc.key
refuses "new: storage key exists" 1 'lonely\.uicc\.key exists' new lonely.uicc
rm lonely.uicc.key
refuses "new: key record exists" 1 'card\.keys exists' new x.uicc --keys card.keys
refuses "new: key record named like the storage key" 2 'choose another name' new x.uicc --keys x.uicc.key
refuses "new: key record named like the deck" 2 'choose another name' new x.uicc --keys x.uicc
refuses "new: no such folder" 1 'nowhere' new nowhere/x.uicc
refuses "new: no such folder for the keys" 1 'nowhere' new x.uicc --keys nowhere/x.keys
refuses "new: wrong check digit" 2 'check digit of [0-9]+ is [0-9], not [0-9]' new x.uicc --iccid "${iccid%?}$(((${iccid: -1} + 1) % 10))"
refuses "new: short ICCID" 2 '--iccid: 17 digits' new x.uicc --iccid 89001010000000001
refuses "new: long ICCID" 2 '--iccid: 21 digits' new x.uicc --iccid 890010100000000000111
refuses "new: letters in the ICCID" 2 '--iccid:.*position 3' new x.uicc --iccid 89a010100000000001
refuses "new: ICCIDs run over" 2 "issuer's number" new x.uicc --iccid 890010199999999999 --count 2
refuses "new: short IMSI" 2 '--imsi: 5 digits' new x.uicc --imsi 00101
refuses "new: long IMSI" 2 '--imsi: 16 digits' new x.uicc --imsi 0010101234567800
refuses "new: letters in the IMSI" 2 '--imsi:.*position 1' new x.uicc --imsi IMSI01
refuses "new: IMSIs run over" 2 'network code' new x.uicc --imsi 001019999999999 --count 2
refuses "new: count 0" 2 '--count: 0 is not between' new x.uicc --count 0
refuses "new: count -1" 2 "--count: '-1' is no number" new x.uicc --count -1
refuses "new: count too large" 2 '--count: ' new x.uicc --count 99999999999999999999
refuses "new: count 1x" 2 "--count: '1x' is no number" new x.uicc --count 1x
refuses "new: seed too short" 2 '--seed: 15 octets, needs at least 16' new x.uicc --seed 000102030405060708090a0b0c0d0e
refuses "new: seed odd" 2 '--seed: odd number' new x.uicc --seed 000102030405060708090a0b0c0d0e0f0
refuses "new: seed not hex" 2 "--seed: 'z' is no hex digit, at position 3" new x.uicc --seed 00zz
refuses "new: seed too long" 2 '--seed: more than 64' new x.uicc --seed "$(printf '%0132d' 0)"
refuses "new: unknown option" 2 'option --frob' new x.uicc --frob=secret
! grep -q secret err
verdict $? "the value of an unknown option is not repeated"
refuses "new: option without value" 2 '--iccid needs a value' new x.uicc --iccid
refuses "new: no such profile" 1 'nosuch' new x.uicc --profile nosuch
refuses "new: no such profile file" 1 'nosuch\.yaml' new x.uicc --profile nosuch.yaml
printf 'profile: [unfinished\n' >broken.yaml
refuses "new: broken profile" 1 'broken\.yaml:[0-9]+' new x.uicc --profile broken.yaml
printf 'name: x\nnonsense: 1\n' >broken.yaml
refuses "new: profile with an unknown key" 1 'broken\.yaml:[0-9]+' new x.uicc --profile broken.yaml
rm broken.yaml

# ---- profile ----
expect "profile list" 0 profile list
says "profile list has test" '^test$'
expect "profile check test" 0 profile check test
says "profile check says that it is good" '^test: good: profile test, [0-9]+ EFs'
expect "profile show test" 0 profile show test
says "profile show has the MF" '3F00'
says "profile show has EF.IMSI" 'EF\.IMSI'
! grep -qi -e 00112233445566778899aabbccddeeff -e 63bfa50ee6523365ff14c1f45f88737d out
verdict $? "profile show has no keys"
refuses "profile check of nothing" 2 'check takes one' profile check
for name in usim m2m sja5 gsm; do
    expect "profile check $name" 0 profile check $name
done

expect "profile show --json" 0 profile show usim --json
python3 -m json.tool <out >/dev/null
verdict $? "profile show --json is JSON"
says "profile show --json has contents" '"path": "MF/ADF\.USIM/EF\.SPN", .*"content": "01736F667475696363'
expect "profile show --json of files of keys" 0 profile show sja5 --json
counts "has not what is in them" '"path": "MF/ADF\.USIM/EF\.(USIM_AUTH_KEY|Keys)", .*"content"' out 0
expect "profile diff of equals" 0 profile diff test test
expect "profile diff" 1 profile diff test m2m
says "profile diff has what is gone" '^- MF/ADF\.USIM/DF\.GSM-ACCESS/EF\.Kc$'
says "profile diff has what changed" '^~ MF/ADF\.USIM/EF\.HPPLMN  content: 05 -> 0C$'
expect "profile diff --json" 1 profile diff test m2m --json
python3 -m json.tool <out >/dev/null
verdict $? "profile diff --json is JSON"
# whatever differs is said, or at least that something does
printf 'format: 1\nname: one\ninclude: usim\n' >one.yaml
while IFS='|' read -r more pattern; do
    printf 'format: 1\nname: two\ninclude: usim\n%b\n' "$more" >two.yaml
    expect "profile diff: ${more%%:*}" 1 profile diff one.yaml two.yaml
    says "says $pattern" "^~ $pattern"
done <<'ROWS'
ota: {silent: yes}|profile  OTA silent: no -> yes
subscription: {authority: both}|applet [0-9]+  parameters: 
applets:\n  - {class: ota, access: [adm1]}|applet [0-9]+  access domain: 00000000 -> 00000100
pins:\n  - {name: pin1, value: 4711}|profile  keys, PINs, or something else that is not shown
keysets:\n  - {ota: {version: 9, kic: {algorithm: aes, bits: 128, key: derived}, kid: {algorithm: aes, bits: 256, key: derived}, kik: {bits: 128, key: derived}}}|keyset 0  keyset: version [0-9]+, .* -> version 9, kic aes 128 bits, kid aes 256 bits
ROWS
hides "PINs are not in it" 4711
printf 'format: 1\nname: two\ntitle: other\ninclude: usim\n' >two.yaml
expect "profile diff: another name alone" 0 profile diff one.yaml two.yaml
rm -f one.yaml two.yaml
refuses "profile diff of one" 2 'diff takes two' profile diff test
refuses "profile diff with nothing" 2 'nosuch' profile diff test nosuch
refuses "profile diff of nothing" 2 'nosuch' profile diff nosuch test
refuses "profile check --json" 2 '.--json goes with' profile check test --json
printf 'format: 1\ninclude: test\nname: mine\nfiles:\n  - {path: MF/EF.UMPC, size: 3}\n' >mine.yaml
refuses "profile: a mistake in an included file" 1 'test:[0-9]+: files\[[0-9]+\]\.content: EF\.UMPC' profile check mine.yaml
sed -i 's/size: 3/size: 6/' mine.yaml
expect "profile: include" 0 profile check mine.yaml
says "profile: include" '^mine\.yaml: good: profile mine,'
printf 'format: 1\ninclude: usim\nname: mnc\nfiles:\n  - {path: MF/ADF.USIM/EF.AD, content: 000000F3}\n' >mnc.yaml
refuses "new: IMSIs run over a network code of three digits" 2 'network code' new x.uicc --profile mnc.yaml --imsi 001010999999999 --count 2

# ---- PINs of each card's own ----
printf 'format: 1\ninclude: usim\nname: own\npins:\n  - {name: pin1, puk: derived, enabled: yes}\n  - {name: pin2, value: derived}\n  - {name: adm1, value: derived}\n' >own.yaml
expect "derived PINs" 0 new own.uicc --profile ./own.yaml --count 2 --seed 000102030405060708090a0b0c0d0e0f --keys own.keys
counts "the record has a row for each" '	p[0-9]+	-	-	' own.keys 6
own=$(awk -F'\t' '$2 == "p0" { print $1; exit }' own.keys)
octets() { awk -F'\t' -v card="$1" -v row="$2" -v column="$3" '$1 "" == card "" && $2 == row { print toupper($column) }' own.keys; }
other=$(awk -F'\t' -v own="$own" '$2 == "p1" && $1 "" != own "" { print $5; exit }' own.keys)
[ "$(octets "$own" p1 5 | tr a-f A-F)" != "$(echo "$other" | tr a-f A-F)" ]
verdict $? "another card has another ADM1"
expect "ADM1 of the record" 0 apdu own.uicc --card "$own" "0020000A08$(octets "$own" p1 5)" 0020000A083132333435363738
says "it is the card's" '^< 9000'
says "and the public one is not" '^< 63C9'
expect "PUK1 of the record" 0 apdu own.uicc --card "$own" "002C000110$(octets "$own" p0 6)39393939FFFFFFFF" 002000010839393939FFFFFFFF
counts "it unblocks" '^< 9000' out 2
expect "PIN2 of the record" 0 apdu own.uicc --card "$own" 00A4040C07A0000000871002 "0020008108$(octets "$own" p2 5)"
counts "it verifies" '^< 9000' out 2
# A pipe is read once
"$softuicc" profile check /dev/fd/5 5< <(cat own.yaml) >out 2>err
says "profile check: from a pipe" '^/dev/fd/5: good: '
"$softuicc" new piped.uicc --profile /dev/fd/5 5< <(cat own.yaml) >out 2>err
says "new: from a pipe" '^piped\.uicc: 1 card'
rm -f piped.uicc*
expect "show tells derived PINs" 0 profile show ./own.yaml
says "ADM1 is derived" '^PIN +0A ADM1 .*, derived$'
says "PUK1 is derived" '^PIN +01 PIN1 .*, PUK derived$'
expect "export of PINs" 0 export own.uicc --keys own.keys --format csv
cp out own.csv
head -1 own.csv | grep -q ',pin1,puk1,adm1,pin2,puk2$'
verdict $? "a column for each"
grep -qE '^'"$own"',.*,1234,[0-9]{8},[0-9]{8},[0-9]{4},87654321$' own.csv
verdict $? "PINs in digits"
# Two cards of one ICCID and one K (profile test), each with its own OTA keys: the record of the other is noticed
"$softuicc" new one.uicc --profile test --keys one.keys >/dev/null && "$softuicc" new two.uicc --profile test --keys two.keys >/dev/null
expect "export: OTA keys of another card" 1 export one.uicc --keys two.keys --format csv
grep -q 'KIc of pair 0 is not the one' err && ! grep -q "$(awk -F'\t' '$2 == "0" { print $9 }' two.keys)" out
verdict $? "it says which"
expect "export without OTA keys" 0 export one.uicc --keys two.keys --format open5gs
refuses "apdu: a level without a channel" 2 'both --kvn and --keys' apdu one.uicc --level 03
rm -f one.* two.*
expect "and back" 0 new again.uicc --profile ./own.yaml --csv own.csv --keys again.keys --seed 0f0102030405060708090a0b0c0d0e0f
diff <(awk -F'\t' '$2 ~ /^p/' own.keys | sort) <(awk -F'\t' '$2 ~ /^p/' again.keys | sort) >out
verdict $? "the same PINs, for they were given"

refuses "profile without verb" 2 'none of check' profile
refuses "profile check of a folder" 1 '.' profile check .

# ---- show ----
expect "show" 0 show card.uicc
says "show has the ICCID" "^ICCID +$iccid"
says "show has the IMSI" '^IMSI +001010123456780'
says "show has pair 0 active" '^0 +active +milenage +001010123456780'
says "show has pair 3 unused" '^3 +unused +milenage +-'
says "show has the PIN" '^PIN1 +01 +disabled +3 +10'
says "show has EF.IMSI" 'EF\.IMSI +6F07 +07 +transparent'
! grep -qi -e 00112233445566778899aabbccddeeff -e 63bfa50ee6523365ff14c1f45f88737d out
verdict $? "show has no keys"
expect "show --json" 0 show card.uicc --json
if command -v python3 >/dev/null; then
    python3 - "$iccid" <<'PY'
import json, sys
card = json.load(open("out"))
assert card["iccid"] == sys.argv[1] and card["imsi"] == "001010123456780", card
assert [p["state"] for p in card["pairs"]] == ["active"] + 3 * ["unused"]
assert card["files"][0]["path"] == "3F00" and len({f["path"] for f in card["files"]}) == len(card["files"])
PY
    verdict $? "show --json is JSON and says the same"
fi
expect "show of many" 0 show many.uicc
says "show of many counts" '^many\.uicc: 30 cards'
counts "show of many lists 20" '^89[0-9]+ +[0-9]+$' out 20
says "show of many says how many more" '^and 10 more'
expect "show --json of many" 0 show many.uicc --json
if command -v python3 >/dev/null; then
    python3 -c 'import json
deck = json.load(open("out"))
assert deck["count"] == 30 == len(deck["cards"]) == len({c["iccid"] for c in deck["cards"]}) == len({c["imsi"] for c in deck["cards"]})'
    verdict $? "show --json of many lists all"
fi
other=$(sed -n 's/.*"iccid": "\([0-9]*\)".*/\1/p' out | sed -n 5p)
expect "show --card" 0 show many.uicc --card "$other"
says "show --card shows that card" "^ICCID +$other"
expect "new with ICCIDs of 20 digits" 0 new long.uicc --count 3 --iccid 89882110000000000010
expect "show of these" 0 show long.uicc
counts "show lists them all" '^[0-9]{20} +[0-9]+$' out 3
rm -f long.uicc*
refuses "show: no deck" 2 'which deck' show
refuses "show: no such deck" 1 'none\.uicc' show none.uicc
refuses "show: no such card" 1 "8900101999999999990" show many.uicc --card 8900101999999999990
refuses "show: bad ICCID" 2 '--card: 3 digits' show many.uicc --card 123
refuses "show: unknown option" 2 'option --xml' show card.uicc --xml

# ---- broken decks ----
head -c 100 card.uicc >cut.uicc
cp card.uicc.key cut.uicc.key
refuses "show: a deck cut short" 1 'cut\.uicc' show cut.uicc
refuses "apdu: a deck cut short" 1 'cut\.uicc' apdu cut.uicc
echo "this is not a deck" >text.uicc
cp card.uicc.key text.uicc.key
refuses "show: not a deck" 1 'text\.uicc' show text.uicc
cp card.uicc keyless.uicc
refuses "show: no storage key" 1 'keyless\.uicc\.key' show keyless.uicc
head -c 32 /dev/urandom >keyless.uicc.key
refuses "show: someone else's storage key" 1 'keyless\.uicc' show keyless.uicc
refuses "show: a folder" 1 '.' show .
rm -f cut.* text.* keyless.*

# ---- apdu ----
expect "apdu" 0 apdu card.uicc
says "apdu resets" '^reset$'
says "apdu prints the ATR" '^ATR 3B[0-9A-F]+$'
expect "apdu SELECT" 0 apdu card.uicc 00A40004023F00
says "apdu prints the command" '^> 00A40004023F00$'
says "apdu prints answer, name and status" '^< 61[0-9A-F]{2}  # SELECT: response data available$'
expect "apdu --auto" 0 apdu --auto card.uicc 00A40004023F00 "00 a4 00 04 02 2f e2" 00B0000000
counts "--auto gets the responses" '^> 00C00000' out 2
counts "--auto repeats with the right Le" '^> 00B000000A$' out 1
cp out recorded.apdu
for level in 01 03 11 13 33; do
    expect "apdu --kvn 30 --level $level" 0 apdu card.uicc --kvn 30 --keys card.keys --level $level 80F28002024F00 80CAE30000 00A40004022FE2 "80 E2 90 00 06 42 04 AA BB CC DD"
    says "apdu --kvn 30 --level $level: understood" '^# answered: E31D4F08A0000001510000009F70010FC50398DC00CC08A000000151000000$'
    counts "apdu --kvn 30 --level $level: the last was heard, too" '# STORE DATA: (normal ending|response data available)$' out 1
done
expect "apdu --kvn 20" 0 apdu card.uicc --kvn 20 --keys card.keys 80F28002024F00 reset 80F28002024F00
counts "apdu --kvn 20: after a reset, too" '^# under the secure channel: 80F28002024F00' out 2
counts "apdu --kvn 20: opened twice" '^< 9000  # EXTERNAL AUTHENTICATE' out 2
refuses "apdu --kvn: none of that version" 1 'no keyset 21 of a security domain' apdu card.uicc --kvn 21 --keys card.keys
expect "apdu --script replays what was printed" 0 apdu card.uicc --script recorded.apdu
cmp -s out recorded.apdu
verdict $? "and prints the same"
cat >script.apdu <<'SCRIPT'
# TS 102 221 11.1.1
reset
ATR 3B................................................................
00A40004023F00
< 61..
> 00 A4 00 04 02 2F E2   # EF.ICCID
< 6Xxx
> 00B000000A
< ....................9000
SCRIPT
expect "a script whose ATR is too long" 1 apdu card.uicc --script script.apdu
counts "one mismatch" '^# MISMATCH, line 3 expects 3B\.\.' out 1
counts "and one line about it" 'script\.apdu: 1 of 4 expected answers differ' err 1
sed -i '/^ATR/d' script.apdu
expect "the script without it" 0 apdu card.uicc --script script.apdu
says "comments of the script are kept" '^# TS 102 221 11\.1\.1$'
sed -i 's/^< 6Xxx/< 9XXX/' script.apdu
expect "a wrong answer" 1 apdu card.uicc --script script.apdu
says "is shown with what was expected" '^# MISMATCH, line 6 expects 9\.\.\.$'
"$softuicc" apdu card.uicc --script - <recorded.apdu >out 2>err
verdict $? "apdu reads standard input"
expect "the exact answer with --auto" 1 apdu card.uicc --auto --script recorded.apdu
rm -f script.apdu
refuses "apdu: no deck" 2 'which deck' apdu
refuses "apdu: a secure channel without keys" 2 'needs both --kvn and --keys' apdu card.uicc --kvn 30
refuses "apdu: a key version" 2 'kvn: two hexadecimal digits' apdu card.uicc --kvn 300 --keys x
refuses "apdu: a domain's AID" 2 'aid: hexadecimal, 5 to 16 octets' apdu card.uicc --kvn 30 --keys x --aid 00
refuses "apdu: hex" 2 'command 1, at character 5: no hex digit' apdu card.uicc 00A4zz
refuses "apdu: odd" 2 'command 2, at character 4: odd' apdu card.uicc 00A40004023F00 00A
refuses "apdu: octets as arguments" 2 'one argument a command' apdu card.uicc 00 A4 00 04
refuses "apdu: script and commands" 2 'not both' apdu card.uicc --script recorded.apdu 00A40004023F00
refuses "apdu: no such script" 1 'none\.apdu: No such file' apdu card.uicc --script none.apdu
refuses "apdu: a folder as script" 1 'Is a directory' apdu card.uicc --script .
printf '00A40004023F00\n> 00zz\n' >bad.apdu
refuses "apdu: bad hex in a script" 1 'bad\.apdu:2:5: no hex digit' apdu card.uicc --script bad.apdu
printf '< 9000\n' >bad.apdu
refuses "apdu: answer first" 1 'bad\.apdu:1:[0-9]+: an answer without a command' apdu card.uicc --script bad.apdu
printf '00A40004023F00\n< 9000\n< 9000\n' >bad.apdu
refuses "apdu: two answers" 1 'bad\.apdu:3:[0-9]+: a second answer' apdu card.uicc --script bad.apdu
printf '00A40004023F00\nATR 3B00\n' >bad.apdu
refuses "apdu: ATR after a command" 1 'bad\.apdu:2:[0-9]+: an ATR without a reset' apdu card.uicc --script bad.apdu
printf '00A4\0000\n' >bad.apdu
refuses "apdu: NUL in a script" 1 'bad\.apdu:1: not a text file' apdu card.uicc --script bad.apdu
refuses "apdu: several cards" 2 'has 30 cards: choose one with --card' apdu many.uicc
expect "apdu --card" 0 apdu many.uicc --card "$other" --auto 00A40004022FE2 00B000000A
swapped=$(echo "${other}F" | sed 's/\(.\)\(.\)/\2\1/g')
says "apdu --card talks to that card" "^< ${swapped}9000"
rm -f bad.apdu recorded.apdu

# ---- run, ota, change: what they refuse before they begin ----
refuses "run: no deck" 2 'deck' run
refuses "run: no such deck" 1 'none\.uicc' run none.uicc
refuses "run: several cards" 2 '--card' run many.uicc
refuses "run: port" 2 '--port: 70000 is not between' run card.uicc --port 70000
refuses "run: durability" 2 '--durability' run card.uicc --durability maybe
refuses "ota: no verb" 2 'encode' ota
refuses "ota: hex" 2 'no hex digit, at position 1' ota decode zz
refuses "ota: no TAR" 2 '--tar' ota encode --apdu 00A40004023F00 --counter 1
refuses "ota: no such key file" 1 'none\.keys: No such file' ota encode --tar usim --apdu 00A40004023F00 --counter 1 --keys none.keys
refuses "change: nothing" 2 'change: ' change
refuses "change: no such key file" 1 'none\.keys: No such file' change --iccid "$iccid" --imsi 001010123456781 --keys none.keys --counter 1 --print
refuses "change: IMSI" 2 '--imsi' change --iccid "$iccid" --imsi 1 --keys card.keys --counter 1 --print
refuses "change: no reader" 1 'change: ' change --iccid "$iccid" --imsi 001010123456781 --keys card.keys --counter 1 --reader "no such reader"

# ---- files with secrets in them that others may read ----
cp card.keys open.keys
chmod 640 open.keys
expect "export: a key file that others may read" 0 export card.uicc --keys open.keys --format csv
counts "is used, and warned about once" '^softuicc export: warning: open\.keys has secrets in it, .* \(mode 640\): chmod 600 it$' err 1
echo geheim >open.phrase
chmod 644 open.phrase
expect "vault: a passphrase file that others may read" 0 vault init --vault open.vault --passphrase-file open.phrase
counts "is warned about" '^softuicc vault: warning: open\.phrase has secrets in it' err 1
for args in "change --iccid $iccid --imsi 001010000000077 --keys open.keys --counter 1 --print" "auc add --db open.db --keys open.keys --imsi 001010000000077" \
    "ota encode --data 00 --tar B00010 --keys open.keys --counter 1" "vault import open.keys --vault open.vault --passphrase-file open.phrase"; do
    # shellcheck disable=SC2086 # words
    timeout 60 "$softuicc" $args >out 2>err </dev/null
    counts "${args%% *} warns, too" 'warning: open\.keys has secrets' err 1
done
rm -f open.*

# ---- vault, handover, auc: what they refuse before they begin ----
refuses "vault: no verb" 2 'which of init, import' vault
refuses "vault: unknown verb" 2 "'steal' is none of init" vault steal
refuses "vault: no vault" 2 '--vault FILE is needed' vault list
refuses "vault: no such vault" 1 'none\.vault' vault list --vault none.vault
refuses "vault: a deck is no vault" 1 'card\.uicc: ' vault list --vault card.uicc
refuses "vault: index" 2 '--index: ' vault entitle --vault none.vault --operator A --iccid "$iccid" --index 300
refuses "vault: common index" 2 '--index: ' vault entitle --vault none.vault --operator A --iccid "$iccid" --index c24
refuses "vault: head" 2 '--head: ENTRY:HASH' vault verify --vault none.vault --head 12
refuses "vault: import without a file" 2 'one key file' vault import --vault none.vault
refuses "vault: reveal without --to" 2 '--to NAME' vault reveal --vault none.vault --iccid "$iccid" --index 1 -o x
refuses "vault: an option of another verb" 2 "--index says nothing to 'list'" vault list --vault none.vault --index 1
refuses "auc: an option of another verb" 2 "--imsi says nothing to 'export'" auc export --db none.db --format srsran -o - --imsi 001010000000001
refuses "handover: an option of another verb" 2 "--pairs says nothing to 'make'" handover make --pairs 3
refuses "new: a passphrase and no vault" 2 'there is no --vault' new x.uicc --passphrase-file card.keys
refuses "vault: argument" 2 "what is 'more' for" vault list more --vault none.vault
refuses "vault: passphrase and key file" 2 'not both' vault init --vault x.vault --passphrase --key-file x
refuses "vault: no such passphrase file" 1 'none: No such file' vault init --vault x.vault --passphrase-file none
refuses "new: a vault that is none" 1 'card\.keys: ' new x.uicc --vault card.keys
expect "new --vault" 0 new vaulted.uicc --vault v.vault
[ "$(stat -c %a v.vault v.vault.key | sort -u)" = 600 ]
verdict $? "the vault and its key have mode 600"
expect "vault verify" 0 vault verify --vault v.vault
says "vault verify says what there is" '^v\.vault: good: [0-9]+ pairs, 0 revealed, 0 operators; log 2:[0-9a-f]{64}$'
refuses "new: a vault that has the card" 1 'has pair 0 of card' new x.uicc --vault v.vault
refuses "new: no folder for the deck, so no vault" 1 'nowhere' new nowhere/x.uicc --vault x.vault
refuses "new: --keys to the standard output" 1 'keys: not to the standard output: name a file' new x.uicc --keys -
if command -v python3 >/dev/null; then
    # Somebody reads the vault all the time: what is sealed for the new cards cannot be committed
    coproc watcher { python3 -c 'import sqlite3, sys
db = sqlite3.connect("v.vault", isolation_level=None)
db.execute("BEGIN")
db.execute("SELECT count(*) FROM pair").fetchall()
print("reading", flush=True)
sys.stdin.read()'; }
    background=$!
    read -r -u "${watcher[0]}" _
    refuses "new: a vault that is not to be written leaves no record either" 1 'v\.vault: database is locked' \
        new y.uicc --vault v.vault --iccid 890010100000000099 --keys y.keys
    kill "$background"
    wait "$background" 2>/dev/null
    background=
fi
refuses "vault: no certificate" 1 'card\.keys: no certificate' vault operator add A --cert card.keys --vault v.vault
if command -v python3 >/dev/null; then
    json() { python3 -c 'import json; json.load(open("out", "rb"))' 2>err; verdict $? "$1 is JSON"; }
    expect "vault init --json" 0 vault init --vault w.vault --json
    json "vault init"
    expect "vault import --json" 0 vault import card.keys --vault w.vault --json
    json "vault import"
    expect "auc add --json" 0 auc add --db w.db --keys card.keys --iccid "$iccid" --imsi 001010000000099 --json
    json "auc add"
    # A name that is no text (a lone FF, a surrogate, an overlong NUL), and one that is
    for name in $'\xff' $'\xed\xa0\x80' $'\xc0\x80' $'\xe2\x82' $'\xe2\x82\xac'; do
        cp card.uicc "$name.uicc"
        cp card.uicc.key "$name.uicc.key"
        expect "diff --json of a file with an odd name" 0 diff --json "$name.uicc" card.uicc
        json "diff"
        rm -f "$name.uicc" "$name.uicc.key"
    done
    rm -f w.vault* w.db*
fi
if openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=b -keyout b.pem -out b.crt -days 2 2>/dev/null; then
    chmod 600 b.pem
    expect "vault: an operator" 0 vault operator add B --cert b.crt --vault v.vault
    expect "vault: an identity" 0 vault identity --cert b.crt --key b.pem --vault v.vault
    vaulted=$("$softuicc" vault list --vault v.vault | awk '$2 == 1 { print $1; exit }')
    expect "vault: entitled" 0 vault entitle --operator B --iccid "$vaulted" --index 1 --vault v.vault
    # What cannot be taken back is not done when its message cannot be written
    refuses "vault reveal: a file that is there" 1 'b\.crt: exists already$' vault reveal --iccid "$vaulted" --index 1 --to B -o b.crt --vault v.vault
    refuses "vault reveal: no such folder" 1 'nowhere/x' vault reveal --iccid "$vaulted" --index 1 --to B -o nowhere/x --vault v.vault
    refuses "vault reveal: to the standard output" 1 'not to the standard output: name a file' vault reveal --iccid "$vaulted" --index 1 --to B -o - --vault v.vault
    refuses "vault transfer: no such folder" 1 'nowhere/x' vault transfer --cert b.crt -o nowhere/x --vault v.vault
    expect "the pair was not revealed" 0 vault withdraw --iccid "$vaulted" --index 1 --vault v.vault
    rm -f b.pem b.crt
fi
refuses "handover: no verb" 2 'which of make, import' handover
refuses "handover: nothing to hand over" 2 '--records FILE or --row' handover make
refuses "handover: row" 2 '--row: a row is' handover make --row x
refuses "handover: range" 2 '--imsi-range: ' handover make --records x --imsi-range 5-6
refuses "handover: import" 2 'one list' handover import
refuses "change: the IMSI alone, and a pair" 2 'goes with none of' change --iccid "$iccid" --imsi 001020000000001 --keys card.keys --counter 9 --keep-key --index 2 --print
refuses "change: a trial without octets" 2 '--trial: ' change --iccid "$iccid" --imsi 001020000000001 --keys card.keys --counter 9 --trial 03 --print
refuses "change: a file without data" 2 '--file: ' change --iccid "$iccid" --imsi 001020000000001 --keys card.keys --counter 9 --file 7FFF6F46 --print
refuses "change: a file of half a FID" 2 'a path is FIDs' change --iccid "$iccid" --imsi 001020000000001 --keys card.keys --counter 9 --file 7FFF6F=00 --print
expect "change --keep-key --print" 0 change --iccid "$iccid" --imsi 001020000000001 --keys card.keys --counter 9 --keep-key --print
expect "change with files --print" 0 change --iccid "$iccid" --imsi 001020000000001 --keys card.keys --counter 9 --trial 03000000 --mnc-digits 2 --file 7FFF6F46@1=4142 --print
for form in ussd cell-broadcast envelope; do
    expect "ota encode --form $form" 0 ota encode --tar usim --apdu 00A4000C026F78 --keys card.keys --iccid "$iccid" --counter 5 --form $form
    "$softuicc" ota decode --keys card.keys --iccid "$iccid" <out >decoded 2>err && grep -q 'A card with these keys would accept it' decoded
    verdict $? "ota decode explains it"
done
expect "ota encode: more than a page" 0 ota encode --tar usim --data "$(printf '00A4000C026F78%.0s' $(seq 20))" --keys card.keys --iccid "$iccid" --counter 5 --form cell-broadcast
[ "$(wc -l <out)" = 3 ] && "$softuicc" ota decode --keys card.keys --iccid "$iccid" <out >decoded 2>err && [ "$(grep -c 'not all 3 pages are here' decoded)" = 2 ] && grep -q 'would accept it' decoded
verdict $? "ota decode puts pages together"
# explained WHAT PATTERN ARGS...: of ota decode
explained() {
    "$softuicc" ota decode "${@:3}" >out 2>err
    says "ota decode: $1" "$2"
}
explained "letters of a sender (TS 23.040 9.1.2.5)" 'TP-OA .*7 half-octets, type D0: Info' --as deliver 0407D049B7F90D7FF66211622100000000
explained "septets are counted (9.2.3.16)" 'TP-UDL .*8 septets of user data  ' --as deliver 04038121F37FF26211622100000008E8329BFD4697D9
explained "a class of its own (TS 23.038 4)" 'TP-DCS .*7-bit alphabet' --as deliver 04038121F37F126211622100000008E8329BFD4697D9
explained "a counter that is checked needs a CC" 'status 0A' 00150D10000000000000000000000900A0A40000023F00
keys=(--kic-key 000102030405060708090A0B0C0D0E0F --kic 12 --kid-key 000102030405060708090A0B0C0D0E0F --kid 12)
packet=$("$softuicc" ota encode "${keys[@]}" --tar usim --counter 1 --apdu 00A40000023F00)
explained "a counter that has come to its end" 'status 04' "${keys[@]}" --counter 1099511627775 "$packet"
explained "and one that has not" 'status 02' "${keys[@]}" --counter 1099511627774 "$packet"
refuses "ota encode: more than a USSD string" 1 'more than a USSD string holds' ota encode --tar usim --data "$(printf '00A4000C026F78%.0s' $(seq 20))" --keys card.keys --iccid "$iccid" --counter 5 --form ussd
refuses "ota send: USSD by an SMSC" 2 'short messages only' ota send --tar usim --apdu 00A4000C026F78 --keys card.keys --iccid "$iccid" --counter 5 --ussd --smpp 127.0.0.1:1 --to 1
refuses "auc: no verb" 2 'which of add' auc
refuses "auc: no data base" 2 '--db FILE' auc list
refuses "auc: no such data base" 1 'none\.db' auc list --db none.db
refuses "auc: no IMSI" 2 '--imsi N' auc vector --db none.db
refuses "auc: format" 2 "'hss' is none of osmo-hlr" auc export --db none.db --format hss -o x
refuses "auc: no such key file" 1 'none\.keys' auc add --db x.db --keys none.keys --imsi 001010123456780
refuses "auc: a deck is no data base" 1 'card\.uicc' auc list --db card.uicc
# Automatic selection: the record knows the IMSIs that the card selects among, and the data base which pair they are
printf 'format: 1\ninclude: test\nname: several\nsubscription:\n  selection:\n    limits: {no-service: 3}\n    candidates:\n      - {pair: 0}\n      - {pair: 2, imsi: 26201xxxxxxxxxx}\n' >several.yaml
expect "cards with several subscriptions" 0 new several.uicc --profile ./several.yaml --count 3 --keys several.keys
counts "their record has the IMSIs" '	2	26201012345678[0-2]	' several.keys 3
expect "auc add finds the pair of an IMSI" 0 auc add --db several.db --keys several.keys --imsi 262010123456781
says "it is the second card's pair 2" '^IMSI 262010123456781: pair 2 of card '"$(awk -F'\t' '$3 == "262010123456781" { print $1 }' several.keys)"'$'
refuses "auc add: an IMSI of nobody, and several cards" 1 'keys of more than one card' auc add --db several.db --keys several.keys --imsi 262010123456799
rm -f several.*
refuses "auc: a vault is no data base" 1 'no data base of an authentication centre' auc list --db v.vault
expect "auc add" 0 auc add --db a.db --keys card.keys --iccid "$iccid" --index 0 --imsi 001010123456780
expect "auc list" 0 auc list --db a.db
says "auc list shows the subscriber" "^001010123456780  $iccid +0 +milenage +000000000000  current$"
expect "auc export" 0 auc export --db a.db --format srsran -o a.csv
[ "$(stat -c %a a.csv)" = 600 ]
verdict $? "the export has mode 600"
refuses "auc export overwrites nothing" 1 'a\.csv: exists' auc export --db a.db --format srsran -o a.csv
rm -f vaulted.uicc* v.vault* a.db* a.csv

# ---- a deck that another process has open ----
mkfifo pipe
# The holder is one that cannot write on: its transcript is longer than a pipe holds.
for _ in $(seq 4000); do echo 00A40004023F00; done >long.apdu
exec 8<>pipe
"$softuicc" apdu card.uicc --script long.apdu >pipe 2>/dev/null &
background=$!
for _ in $(seq 100); do
    read -r -t 0.1 line <&8 && [ "$line" = reset ] && break
done
timeout 20 "$softuicc" show card.uicc >out 2>err
got=$?
[ "$got" = 1 ] && [ "$(wc -l <err)" = 1 ] && grep -q "$background" err && grep -q softuicc err
got=$?
verdict "$got" "a locked deck: $(head -c 160 err | tr -d '\n')"
cat <&8 >/dev/null &
reader=$!
wait "$background"
verdict $? "the first is not disturbed"
background=
kill "$reader" 2>/dev/null
wait "$reader" 2>/dev/null
exec 8<&-
expect "and the deck is free again" 0 show card.uicc
rm -f pipe long.apdu

# ---- output that cannot be written ----
# A line that does not end: bounded memory, and a word
endless() { head -c 3000000 /dev/zero | tr '\0' '0'; }
endless | "$softuicc" apdu card.uicc --script - >out 2>err
[ $? = 1 ] && grep -q 'standard input:1: a line of more than 1048576 octets$' err && [ ! -s out ]
verdict $? "apdu: a line without end"
endless >endless.txt
refuses "ota encode: a line without end" 1 'endless\.txt:1: a line of more than' ota encode --tar usim --script endless.txt --check none --no-cipher --counter none
refuses "smsc: a line without end" 1 'endless\.txt:1: a line of more than' smsc --deck card.uicc --listen 127.0.0.1:0 --routes endless.txt
endless | "$softuicc" ota decode >out 2>err
[ $? = 1 ] && grep -q 'line 1: a line of more than' err
verdict $? "ota decode: a line without end"
rm -f endless.txt
# A standard stream that is closed: the deck does not take its place (and what is printed, the deck's)
before=$(sha256sum card.uicc card.uicc.key)
"$softuicc" show card.uicc >&- 2>err
[ $? = 1 ] && grep -q "cannot write the output" err
verdict $? "stdout closed: exit code 1"
"$softuicc" show card.uicc --card 1 2>&- >out
[ $? = 2 ]
verdict $? "stderr closed"
"$softuicc" show card.uicc <&- >out 2>err
verdict $? "stdin closed"
[ "$(sha256sum card.uicc card.uicc.key)" = "$before" ]
verdict $? "the deck is as it was"
if [ -w /dev/full ]; then
    "$softuicc" show card.uicc >/dev/full 2>err
    [ $? = 1 ] && [ "$(wc -l <err)" = 1 ]
    verdict $? "a full disk is noticed"
fi

# ---- interruption ----
"$softuicc" new big.uicc --count 1000000 --keys big.keys >out 2>err &
background=$!
sleep 0.5
kill -INT "$background" 2>/dev/null
kill -TERM "$background" 2>/dev/null
wait "$background"
got=$?
background=
[ "$got" -gt 128 ] && [ -z "$(find . -name 'big*')" ]
verdict $? "new interrupted leaves nothing behind (exit code $got)"

# Temporary files go with the process, whatever ends it
mkdir temporary
for signal in TERM KILL; do
    TMPDIR=$work/temporary timeout -s $signal 0.5 "$softuicc" bench --seconds 60 >out 2>&1
    for _ in $(seq 50); do
        [ -z "$(ls -A temporary)" ] && break
        sleep 0.1
    done
    [ -z "$(ls -A temporary)" ]
    verdict $? "bench ended by SIG$signal leaves nothing behind"
done
rmdir temporary

# ---- rehearse ----
rehearsal=(--seed 0f0e0d0c0b0a09080706050403020100 --cuts 0.05 --loss 0.2)
expect "rehearse makes a deck and plays on it" 0 rehearse fleet.uicc --cards 70 --profile test "${rehearsal[@]}" --threads 2 --json --report fleet.html
says "every card has a subscription" '"stranded": 0,'
says "no key reached the wrong party" '"revealed_wrongly": 0,'
says "no card answers an operator that it has left" '"served_wrongly": 0,'
says "time and memory are told" '"cards": 70, "seconds": [0-9.]+, "cpu_seconds": [0-9.]+, "cpu_us_per_card": [0-9.]+, "memory_kib": [0-9]+, "deck_kib": [0-9]+\}'
sed '/"run"/,$d' out >two
grep -q '</svg>' fleet.html && ! grep -q '<script\|http' fleet.html
verdict $? "the report has plots and needs nothing else"
expect "rehearse on one thread" 0 rehearse --cards 70 --profile test "${rehearsal[@]}" --threads 1 --json
sed '/"run"/,$d' out >one
cmp -s one two
verdict $? "one thread and two come to the same"
expect "rehearse where nothing goes wrong" 0 rehearse --cards 20 --profile test --loss 0 --duplicate 0 --reorder 0 --corrupt 0 --cuts 0 --unattached 0 --json
json "a change of operator is one message there, one back and one authentication" \
    'j["changes"] == j["orders"] == j["delivered"] == j["orders_needed"][1] == 40 and j["resynchronised"] == 0'
expect "the deck that was played on" 0 show fleet.uicc
expect "a card of it" 0 show fleet.uicc --card "$(grep -oE -m1 '8988211[0-9]{12}' out)"
says "its card is with operator C" '001030000000000'
refuses "rehearse: another seed" 1 "its keys are not what --seed gives" rehearse fleet.uicc --seed 00000000000000000000000000000000
# Profile test gives all cards the same pair 0: a seed is known by the others
expect "a deck to rehearse on" 0 new fresh.uicc --profile test --count 2 --seed 0f0e0d0c0b0a09080706050403020100
refuses "rehearse: another seed, pair 0 the same" 1 "its keys are not what --seed gives" rehearse fresh.uicc --seed 00000000000000000000000000000000
rm -f fresh.uicc*
refuses "rehearse: the right seed, but the cards have changed already" 1 "has changed operator already" rehearse fleet.uicc --seed 0f0e0d0c0b0a09080706050403020100
refuses "rehearse: no USIM" 1 "does not authenticate with its first pair" rehearse --cards 2 --operators 2 --profile gsm
refuses "rehearse: a report over something else" 1 'card\.keys exists already' rehearse --cards 2 --report card.keys
refuses "rehearse: a report over the deck" 1 'card\.uicc exists already' rehearse card.uicc --report card.uicc
refuses "rehearse: a report over a deck that is to be made" 2 'never\.uicc is what a file of the deck is called' rehearse never.uicc --cards 2 --report never.uicc
refuses "rehearse: a report over its storage key" 2 'never\.uicc\.key is what' rehearse never.uicc --cards 2 --report never.uicc.key
expect "rehearse: a report over the deck under another name" 1 rehearse never.uicc --cards 2 --profile test --report ./never.uicc
expect "rehearse: leaves the deck" 0 show never.uicc
rm -f never.uicc*
refuses "rehearse: a report nowhere" 1 'nowhere/x' rehearse --cards 2 --report nowhere/x
expect "rehearse: an older report may go" 0 rehearse --cards 2 --profile test --report fleet.html
refuses "rehearse: profile of a deck that is there" 2 "has its own" rehearse fleet.uicc --profile usim
refuses "rehearse: threads" 2 "--threads: 0 is not between" rehearse --threads 0
rm -f fleet.* one two

# ---- bench ----
expect "bench --json" 0 bench --json --seconds 0
if command -v python3 >/dev/null; then
    python3 -c 'import json
b = json.load(open("out"))
rows = {(c["name"], c["store"]): c for c in b["commands"]}
memory, process = "memory", "LMDB, process"
scp80 = ["SCP80 command", "SCP80 AES 1 SMS", "SCP80 AES 5 SMS", "SCP80 3DES 1 SMS", "SCP80 3DES 5 SMS"]
held = [(n, memory) for n in ["SELECT", "READ BINARY", "UPDATE BINARY", "AUTHENTICATE", *scp80, "AUTHENTICATE, 2 threads", "2 threads by the clock"]]
held += [(n, process) for n in ["UPDATE BINARY", "AUTHENTICATE", "SCP80 command", "vpcd, SELECT", "exec to ATR, 1000 cards"]]
held += [("UPDATE BINARY", "LMDB, power")]
assert set(rows) == set(held) | {("open a card", memory), ("open a card", process)}
assert all(rows[r]["limit_share"] > 0 and rows[r]["limit_ns_per_op"] > 0 for r in held)
assert b["octets_per_card"] > 0 and all(c["ops_per_s"] > 0 for c in b["commands"])'
    verdict $? "bench --json has every measure"
fi
expect "bench --only" 0 bench --seconds 0 --only "AUTHENTICATE, memory"
[ "$(wc -l <out)" = 2 ]
verdict $? "one measure only"
expect "bench --profile usim" 0 bench --seconds 0 --profile usim --only "SCP80 command, memory" --json
[ "$(grep -oE '"octets_per_card": [0-9]+' out | grep -oE '[0-9]+$')" -le 4096 ]
verdict $? "a card takes 4 KiB or less beyond its profile"
refuses "bench: a measure that there is not" 1 "names are as in the first two columns" bench --seconds 0 --only AUTHENTICATE
refuses "bench: argument" 2 "no arguments" bench fast
refuses "bench: seconds" 2 "--seconds: 'x' is no number" bench --seconds x

# ---- a file that may not grow ----
expect "a deck to be kept small" 0 new small.uicc --profile test
(
    ulimit -f $(($(stat -c %s small.uicc) / 1024 + 2))
    timeout 60 "$softuicc" apdu small.uicc 0020000A083132333435363738 00E0000016621482024121830260008A01058B032F060280023000 00A4000C026000
) >out 2>err
verdict $? "a limit of the file's size ends nothing"
[ "$(grep -c '^< 6581' out)" = 1 ] && grep -q '^< 6A82' out
verdict $? "what did not fit is answered 6581, and is not there"

tap_end
