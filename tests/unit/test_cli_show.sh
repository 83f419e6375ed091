#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What the commands that look at decks say, and those that bring cards into them and out of them: commands, show, diff, add,
# remove, export, new --csv.
# Usage: test_cli_show.sh PATH/TO/softuicc
# shellcheck source=tests/unit/cli.bash
. "$(dirname "$(readlink -f "$0")")/cli.bash"

seed=00112233445566778899aabbccddeeff
usim=00A4040C07A0000000871002
k=8f3a51c20b77de94a6e1034c5d82f96b opc=c40d9e7712a8b35fe06b94d15a2f837c

# ---- help and man page ----
man=$(dirname "$script")/../../tools/softuicc.1
for command in commands show diff add remove export; do
    expect "$command --help" 0 "$command" --help
    head -1 out | grep -q "^Usage: softuicc $command"
    verdict $? "$command --help begins with its usage"
    "$softuicc" $command --help | grep -oE '(^| )--[a-z-]+' | tr -d ' ' | sort -u | while read -r option; do
        grep -qF -e "Fl -${option#--}" "$man" || echo "$option"
    done >out
    [ ! -s out ]
    verdict $? "the man page has every option of $command"
    grep -qE "^\.Ss $command( |\$)" "$man"
    verdict $? "the man page has a section on $command"
done

# ---- commands ----
expect "commands" 0 commands
says "commands has READ BINARY" '^0X 4X 6X +B0 +- +READ BINARY +2 +READ +EF: SFI in P1, or current +kernel +TS 102 221 11\.1\.3'
says "commands has AUTHENTICATE" '88 +00 +AUTHENTICATE .*usim +TS 31\.102 7\.1\.2'
says "commands has class A0" '^A0 +A4 .*TS 51\.011 9\.2\.1'
! grep -qF '?' out
verdict $? "commands has a word for everything"
expect "commands --json" 0 commands --json
json "commands --json is JSON" "len(j) > 40 and all(r['clause'] for r in j)"
json "commands --json says what is secret" "any(r['name'] == 'VERIFY PIN' and r['secret_data'] for r in j)"
expect "commands --markdown" 0 commands --markdown
says "commands --markdown is a table" '^\| 0X 4X 6X \| A4 \| - \| SELECT \| 4 '
refuses "commands: an argument" 2 'no argument' commands x
refuses "commands: both forms" 2 'not both' commands --json --markdown

# ---- show ----
quietly new card.uicc --profile test --seed $seed --keys card.keys
expect "show" 0 show card.uicc
says "show decodes EF.DIR" '^ +1: AID A0000000871002FFFFFFFF8907090000, label USIM$'
says "show decodes EF.AD" '^ +normal operation, MNC digits 2$'
says "show decodes EF.UST" '10 short message storage'
says "show decodes EF.ARR" '^ +3: read, update: PIN1; deactivate'
says "show tells access in words" 'EF\.IMSI .*6F06/4 +read PIN1, update ADM1'
says "show has directories' access" 'ADF\.USIM .*create ADM1, delete ADM1'
says "show does without EF.Keys' keys" '^ +KSI 7, CK absent, IK absent$'
says "show collapses free records" '^ +1-5: empty$'
says "show: keysets of the security domain" '^A000000151000000 +30 +SCP03 +aes-128 aes-128 aes-128 +504a77 '
expect "show --files" 0 show card.uicc --files usim/ef.imsi
says "show --files shows that file" '^ +001010123456780$'
[ "$(wc -l <out)" = 3 ]
verdict $? "show --files shows nothing else"
expect "show --files by FID" 0 show card.uicc --files 3F00/2FE2
says "show --files by FID shows that file" 'EF\.ICCID'
expect "show --files --json" 0 show card.uicc --files EF.AD --json
json "show --files --json is a list of one" "len(j) == 1 and j[0]['decoded']['MNC_digits'] == 2 and j[0]['content'] == '00000002'"
expect "show --files of nothing" 1 show card.uicc --files EF.NOTHING
grep -q "no file like 'EF.NOTHING'" err
verdict $? "show --files of nothing says so"
expect "show --json" 0 show card.uicc --json
json "show --json has contents and what they mean" \
    "[f for f in j['files'] if f['file'] == 'MF/ADF.USIM/EF.IMSI'][0]['decoded'] == {'IMSI': '001010123456780'}"
json "show --json has rules" \
    "[f for f in j['files'] if f['name'] == 'EF.ICCID'][0]['access_rule']['rules'][0] == {'modes': ['read'], 'condition': 'always'}"
json "show --json has no octets of EF.Keys" \
    "'content' not in [f for f in j['files'] if f['file'] == 'MF/ADF.USIM/EF.Keys'][0]"

# Keys that a terminal puts into files, and a file that somebody makes: 7-octet EF 6F99 in the USIM, read with ADM1 (rule 7 of test)
adm='0020000A083132333435363738'
quietly apdu card.uicc $adm $usim 00A4000C026F08 00D600002105AABBCCDDEEFF00112233445566778899AABBCCDDEEFF00112233445566778899
timeout 60 "$softuicc" apdu card.uicc $adm $usim 00E000001D621B8202412183026F99A506C00100CA01008A01058B036F060180020004 >made 2>&1
expect "show after a terminal's work" 0 show card.uicc
hides "show keeps CK and IK to itself" 'AABBCCDD|CCDDEEFF'
says "show says that there are keys" '^ +KSI 5, CK present, IK present$'
expect "show --json after a terminal's work" 0 show card.uicc --json
hides "show --json keeps CK and IK to itself" 'AABBCCDD|CCDDEEFF'
if grep -q '^< 9000' <(tail -1 made); then
    expect "show of a made file" 0 show card.uicc --files 6F99
    says "show says that the file was made" '6F99 +6F99 .* made$'
fi

# Every profile, as people and as JSON; nothing in it that its own decoder does not take.
for profile in $("$softuicc" profile list | awk '{print $1}'); do
    "$softuicc" new "all-$profile.uicc" --profile "$profile" --seed $seed >/dev/null 2>&1 || continue
    expect "show of a card of $profile" 0 show "all-$profile.uicc"
    hides "show of a card of $profile decodes its files" 'not as .* says'
    expect "show --json of a card of $profile" 0 show "all-$profile.uicc" --json
    json "show --json of a card of $profile is JSON" "len(j['files']) > 10"
done
if [ -e all-sja5.uicc ]; then
    quietly apdu all-sja5.uicc $adm 00A4080C04A5156F20 00D60000211411223344556677889900AABBCCDDEEFF998877665544332211000A0B0C0D0E0F
    expect "show of keys in proprietary files" 0 show all-sja5.uicc --files 6F20
    hides "show keeps proprietary files of the administrator to itself" '1122334455|AABBCCDDEE'
fi

# ---- diff ----
quietly new a.uicc --profile test --count 3 --seed $seed --keys a.keys
quietly new b.uicc --profile test --count 3 --seed $seed
one=8900101000000000019 two=8900101000000000027 three=8900101000000000035
expect "diff of the same" 0 diff a.uicc b.uicc
[ ! -s out ]
verdict $? "diff of the same says nothing"
expect "diff --json of the same" 0 diff a.uicc b.uicc --json
json "diff --json of the same" "j['same'] and j['cards'] == []"
quietly apdu b.uicc --card $one $adm $usim 00A4000C026F46 00D60000030041BB
quietly remove b.uicc --card $three
quietly add b.uicc --iccid 890010100000000999 --imsi 001010000000999 --seed $seed
expect "diff" 1 diff a.uicc b.uicc
says "diff names the card" "^card $one\$"
says "diff decodes before and after" '^  MF/ADF\.USIM/EF\.SPN: softuicc, network name required at home -> A'
says "diff has cards that only one deck has" "^only in a\.uicc: card $three\$"
says "diff has cards that only the other has" '^only in b\.uicc: card 8900101000000009994$'
expect "diff --json" 1 diff a.uicc b.uicc --json
json "diff --json has the files" "[e['what'] for c in j['cards'] if c['iccid'] == '$one' for e in c['files']] == ['MF/ADF.USIM/EF.SPN']"
json "diff --json has the cards of one" "[c['only'] for c in j['cards'] if 'only' in c] == ['a', 'b']"
json "diff --json has not the same" "not j['same']"
expect "diff --card of one that only one has" 1 diff a.uicc b.uicc --card $three
quietly apdu b.uicc --card $two 00280001083131313131FFFFFF
expect "diff of PIN states" 1 diff a.uicc b.uicc --card $two
says "diff has PIN states" '^  PIN 01 PIN1: disabled, tries 3, .* -> disabled, tries 2,'
quietly new other.uicc --profile m2m --seed $seed
expect "diff of profiles" 1 diff a.uicc other.uicc --card $one
says "diff of profiles names them" '^profile: test -> m2m$'
says "diff of profiles has files of one" ': only in (a|other)\.uicc: '
refuses "diff: one deck" 2 'two decks' diff a.uicc
refuses "diff: no such deck" 2 'none\.uicc' diff a.uicc none.uicc
refuses "diff: no such card" 2 'neither deck has' diff a.uicc b.uicc --card 8900101999999999990
quietly new with.uicc --profile usim --seed $seed
cp with.uicc without.uicc
cp with.uicc.key without.uicc.key
expect "an applet comes" 0 applet install with.uicc ara-m --aid F0616161616161
expect "diff: an applet that one of them has" 1 diff with.uicc without.uicc
says "says which" '^  applets: only in with\.uicc: [0-9]+ ara-m selectable INSTALL F0616161616161 -; A000000151000000$'
expect "diff --json" 1 diff with.uicc without.uicc --json
json "has it in a list" '"applets" in j["cards"][0] and "ara-m" in str(j["cards"][0]["applets"])'
rm -f with.* without.*
refuses "diff: the same deck twice" 2 'are the same deck' diff a.uicc a.uicc

# ---- add, remove ----
quietly new deck.uicc --profile test --seed $seed
expect "add" 0 add deck.uicc --iccid 890010100000000100 --imsi 001010000000100 --count 1500 --seed $seed --keys added.keys
says "add says what it made" '1500 cards added, ICCID 8900101000000001009 to '
[ "$(wc -l <added.keys)" = 12001 ] && [ "$(stat -c %a added.keys)" = 600 ]
verdict $? "add records the keys"
refuses "add: cards that are there" 1 'has a card 8900101000000001009 already' add deck.uicc --iccid 890010100000000099 --imsi 001010000000100 --count 5
refuses "add: a record that is there" 1 'added\.keys exists already' add deck.uicc --iccid 890010100000009000 --imsi 001010000000100 --keys added.keys
refuses "add: no numbers" 2 'which cards' add deck.uicc
refuses "add: half of the numbers" 2 'which cards' add deck.uicc --iccid 890010100000009000
refuses "add: numbers and a file" 2 'the file says' add deck.uicc --csv x --count 2
refuses "add: no deck" 2 'which deck' add --csv x
refuses "add: no such deck" 1 'none\.uicc' add none.uicc --iccid 890010100000009000 --imsi 001010000000100
refuses "add: a wrong check digit" 2 'check digit' add deck.uicc --iccid 8900101000000001000 --imsi 001010000000100
quietly apdu deck.uicc --card 8900101000000001009 $adm $usim 00A4000C026F46 00D60000030041BB
expect "add --replace" 0 add deck.uicc --iccid 890010100000000100 --imsi 001010000000100 --count 2 --seed $seed --replace
expect "a card made anew" 0 show deck.uicc --card 8900101000000001009 --files EF.SPN
says "a card made anew has what fresh cards have" 'softuicc'
expect "remove" 0 remove deck.uicc --card 8900101000000001009 --card 8900101000000001017
says "remove says how many are left" '2 cards removed, 1499 left'
refuses "remove: one that is not there" 1 'no card 8900101000000001009; nothing' remove deck.uicc --card 8900101000000001025 --card 8900101000000001009
refuses "remove: the same twice" 2 'twice' remove deck.uicc --card 8900101000000001025 --card 8900101000000001025
refuses "remove: no card" 2 'which card' remove deck.uicc
refuses "remove: no deck" 2 'which deck' remove --card $one

# interrupted: the deck has the cards it had
"$softuicc" add deck.uicc --iccid 890010100001000000 --imsi 001010000000100 --count 200000 --keys cut.keys >out 2>err </dev/null &
adding=$!
sleep 1
kill -INT $adding 2>/dev/null
wait $adding
code=$?
[ $code != 0 ] && [ ! -e cut.keys ] && [ ! -e cut.keys.new ]
verdict $? "an interrupted add fails and leaves no record"
expect "after an interrupted add" 0 show deck.uicc
says "after an interrupted add the deck has the cards it had" '^deck\.uicc: 1499 cards'

# killed: no card without a record of its keys, and nobody is told to throw that away
"$softuicc" add deck.uicc --iccid 890010100001000000 --imsi 001010000000100 --count 200000 --keys cut.keys >out 2>err </dev/null &
adding=$!
# FILE: has the keys of more cards than one transaction makes
grown() { while kill -0 $adding 2>/dev/null && (($(stat -c %s "$1" 2>/dev/null || echo 0) < 2500000)); do sleep 0.02; done; }
grown cut.keys.new
kill -KILL $adding 2>/dev/null
wait $adding 2>/dev/null
expect "after an add that was killed" 0 show deck.uicc --json
/usr/bin/python3 -c '
import json
cards = {c["iccid"] for c in json.load(open("out"))["cards"] if c["iccid"].startswith("89001010000100")}
keys = {line.split("\t")[0] for line in open("cut.keys.new") if line.endswith("\n")}
raise SystemExit(not (len(cards) >= 1024 and cards <= keys))'
verdict $? "an add that was killed leaves cards, and no card without its keys"
refuses "add: a record cut short, which may be all there is" 1 'cut\.keys\.new: File exists.* has the keys of cards .* keep it' add deck.uicc --iccid 890010100009000000 --imsi 001010000000100 --keys cut.keys
rm cut.keys.new
# cards that cannot be taken away again, for the file that they came from is another by then
awk 'BEGIN { print "iccid,imsi"; for (i = 0; i < 30000; i++) printf "89001010000200%05d,0010100000%05d\n", i, i }' >gone.csv
"$softuicc" add deck.uicc --csv gone.csv --keys gone.keys >out 2>err </dev/null &
adding=$!
grown gone.keys.new
kill -STOP $adding
yes nonsense | head -n 100000 >gone.csv
kill -CONT $adding
wait $adding
code=$?
expect "after an add that failed, and could not be undone" 0 show deck.uicc --json
/usr/bin/python3 -c '
import json
cards = {c["iccid"] for c in json.load(open("out"))["cards"] if c["iccid"].startswith("89001010000200")}
keys = {line.split("\t")[0] for line in open("gone.keys.new") if line.endswith("\n")}
raise SystemExit(not (len(cards) >= 1024 and len(cards) % 1024 == 0 and cards <= keys))'
kept=$?
[ $kept = 0 ] && [ $code = 1 ] && [ ! -e gone.keys ]
verdict $? "an add that cannot be undone keeps the record of its cards, and the transaction that failed made none"
rm -f gone.*
# a record that cannot have its name any more
"$softuicc" add deck.uicc --iccid 890010100000000110 --imsi 001010000000110 --count 4000 --replace --keys late.keys >out 2>err </dev/null &
adding=$!
while [ ! -e late.keys.new ] && kill -0 $adding 2>/dev/null; do :; done # (no sleep: it is done soon)
touch late.keys
wait $adding
code=$?
[ $code = 1 ] && [ ! -s late.keys ] && [ "$(cut -f 1 late.keys.new | sort -u | wc -l)" = 4001 ] && grep -q 'keys are in late\.keys\.new: keep it' err
verdict $? "add --replace: cards were made anew, and their record stays"
rm -f late.*

# ---- CSV ----
cat >cards.csv <<CSV
IMSI,ICCID,ACC,PIN1,PUK1,PIN2,PUK2,Ki,OPC,ADM1,KIC1,KID1,KIK1,MSISDN
001010000000001,8900101000000010018,0004,4711,47114711,81158,81158115,$k,$opc,66666666,$opc,$k,$opc,+4917112345
001010000000002,8900101000000010026,,,,,,$k,$opc,,,,,
CSV
expect "new --csv" 0 new csv.uicc --profile test --csv cards.csv --keys csv.keys
says "new --csv says what it made" '2 cards of profile test, ICCID 8900101000000010018 to 8900101000000010026, IMSI 001010000000001 to'
grep -q "^8900101000000010018	0	001010000000001	milenage	$k	$opc	1	aes	$opc	aes	$k	$opc" csv.keys
verdict $? "the record has the keys of the file"
# PIN1 4711 with its PUK, PIN2, ADM1; of the second card nothing, for it has the profile's
hex() { printf '%s' "$1" | od -An -v -tx1 | tr -d ' \n'; }
[ "$(cut -f 1,2,5,6,7 csv.keys | grep -P '\tp[0-9]+\t' | sort)" = "$(printf '8900101000000010018\t%s\n' "p0	$(hex 4711)ffffffff	$(hex 47114711)	1" "p1	$(hex 81158)ffffff	$(hex 81158115)	129" "p2	$(hex 66666666)	-	10" | sort)" ]
verdict $? "the record has the PINs of the file"
expect "a card of the file" 0 show csv.uicc --card 8900101000000010018
says "a card of the file has its access class" 'access class 2'
says "a card of the file has its number" '\+4917112345'
says "a card of the file has its IMSI" '^IMSI +001010000000001'
kcv=$(printf '01%.0s' {1..16} | xxd -r -p | openssl enc -aes-128-ecb -K $k -nopad 2>/dev/null | head -c 3 | xxd -p)
says "a card of the file has its K (key check value $kcv)" "^0 +active +milenage +001010000000001 +$kcv "
"$softuicc" apdu csv.uicc --card 8900101000000010018 002800010834373131FFFFFFFF 0020000A083636363636363636 >out 2>err
[ "$(grep -c '^< 9000' out)" = 2 ]
verdict $? "a card of the file has its PINs"
sed 's/8900101000000010018/8900101000000010034/; s/8900101000000010026/8900101000000010042/' cards.csv >more.csv
expect "add --csv" 0 add csv.uicc --csv more.csv
refuses "add --csv: cards that are there" 1 'has a card 8900101000000010034 already' add csv.uicc --csv more.csv
expect "add --csv --replace" 0 add csv.uicc --csv more.csv --replace
sed 's/8900101000000010026/8900101000000010018/; s/00010018/00010059/' cards.csv >twice.csv
expect "add --csv: the same card twice" 1 add csv.uicc --csv twice.csv
grep -q 'has a card 8900101000000010059 already' err
verdict $? "add --csv: the same card twice is said"
refuses "add --csv --replace: the same card twice" 1 'twice\.csv has card 8900101000000010059 twice$' add csv.uicc --csv twice.csv --replace
expect "show after that" 0 show csv.uicc
says "and the deck has the cards it had" '^csv\.uicc: 4 cards'
sed 's/ACC/colour/' cards.csv >unknown.csv
refuses "add --csv: an unknown column" 1 "unknown\.csv:1: unknown columns: 'colour'" add csv.uicc --csv unknown.csv
sed 's/4711,/471,/' cards.csv >pin.csv
refuses "new --csv: a short PIN" 1 'pin\.csv:2: a PIN is not' new never.uicc --profile test --csv pin.csv
refuses "new --csv: no such file" 1 'none\.csv' new never.uicc --csv none.csv
head -1 cards.csv >empty.csv
refuses "new --csv: no rows" 1 'no row' new never.uicc --profile test --csv empty.csv
refuses "new --csv: numbers too" 2 'the file says' new never.uicc --csv cards.csv --imsi 001010000000001
sed "s/$k/00112233445566778899aabbccddeeff/" cards.csv >known.csv
refuses "new --csv: a well-known key" 1 'well-known' new never.uicc --profile usim --csv known.csv

# ---- export ----
for format in csv pysim osmo-hlr open5gs; do
    expect "export --format $format" 0 export a.uicc --format $format --keys a.keys
    cp out "a.$format"
done
out_a=a.osmo-hlr
[ "$(grep -c '^subscriber imsi 00101012345678[0-9]* update aud3g milenage k [0-9A-F]\{32\} opc [0-9A-F]\{32\} ind-bitlen 5$' $out_a)" = 3 ]
verdict $? "export --format osmo-hlr has a line a card"
/usr/bin/python3 - <<'PYTHON' 2>err
import json
rows = [json.loads(line) for line in open("a.open5gs")]
assert [r["imsi"] for r in rows] == ["001010123456780", "001010123456781", "001010123456782"]
assert all(len(r["security"]["k"]) == 32 and len(r["security"]["opc"]) == 32 for r in rows)
# the first that a new card accepts, or its first authentication would be a synchronisation failure
assert all(r["security"]["sqn"] == {"$numberLong": "32"} for r in rows)
PYTHON
verdict $? "export --format open5gs has a document a card"
expect "a deck from an export" 0 new again.uicc --profile test --csv a.csv --seed $seed
expect "is as the first" 0 diff a.uicc again.uicc
expect "export --card" 0 export a.uicc --format csv --keys a.keys --card $two
[ "$(wc -l <out)" = 2 ] && grep -q "^$two," out
verdict $? "export --card has that card"
# The record's column of parameters: the scheme of sequence numbers, and what a form has no word for.
sed 's/\(milenage.*\)-$/\1ind=3/' a.keys >ind.keys
expect "export --format osmo-hlr of a record with its own IND" 0 export a.uicc --format osmo-hlr --keys ind.keys
says "export takes the scheme of the record" 'ind-bitlen 3$'
sed "s/\\(milenage.*\\)-\$/\\1r=0040204061,c=$(printf '%032d%032d%032d%032d%032d' 0 1 2 4 8)/" a.keys >r.keys
refuses "export --format osmo-hlr of a card with its own constants" 1 'no word for parameters of its own' export a.uicc --format osmo-hlr --keys r.keys
refuses "export: no keys" 2 "card maker's record" export a.uicc --format csv
refuses "export: no format" 2 'which --format' export a.uicc --keys a.keys
refuses "export: a strange format" 2 'none of csv' export a.uicc --keys a.keys --format xml
refuses "export: no such record" 1 'none\.keys' export a.uicc --keys none.keys --format osmo-hlr
refuses "export: no such card" 1 'no card 8900101999999999990' export a.uicc --keys a.keys --format csv --card 8900101999999999990
head -5 a.keys >part.keys
expect "export with part of the keys" 1 export a.uicc --keys part.keys --format osmo-hlr
grep -q 'keys of 1 of the 3 cards' err
verdict $? "export with part of the keys says so"
sed 's/\(^[0-9]*\t0\t[0-9]*\tmilenage\t\)..../\1beef/' a.keys >wrong.keys
expect "export with wrong keys" 1 export a.uicc --keys wrong.keys --format osmo-hlr
grep -q "is not the one that card $one has" err && [ ! -s out ]
verdict $? "export with wrong keys says so"

# ---- long work on a terminal ----
# stderr is one; stdout a pipe that nobody reads for a while, which makes the work long.
cat >terminal.py <<'PYTHON'
import os, pty, re, subprocess, sys, time
ours, theirs = pty.openpty()
run = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=theirs)
os.close(theirs)
time.sleep(0.7)
run.stdout.read()
seen = b""
try:
    while part := os.read(ours, 4096):
        seen += part
except OSError:
    pass
code = run.wait()
sys.exit(code > 1 or not re.search(rb"[0-9]+ of 400 cards\r", seen) or not seen.endswith(b"\x1b[K"))
PYTHON
expect "many cards" 0 new m.uicc --profile usim --count 400 --keys m.keys
expect "others" 0 new n.uicc --profile usim --count 400
/usr/bin/python3 terminal.py "$softuicc" diff m.uicc n.uicc 2>err
verdict $? "diff says how far it is"
/usr/bin/python3 terminal.py "$softuicc" export m.uicc --format csv --keys m.keys 2>err
verdict $? "export says how far it is"

# ---- decks that may not be written: looking at them does not want to ----
unprivileged() { if [ "$(id -u)" = 0 ]; then setpriv --reuid=65534 --regid=65534 --clear-groups -- "$@"; else "$@"; fi; }
mkdir archive
expect "a deck for the archive" 0 new archive/a.uicc --profile test --count 2 --keys archive/a.keys
expect "another" 0 new archive/b.uicc --profile test --count 2
chmod 444 archive/?.uicc && chmod 711 "$work" && chmod 555 archive
[ "$(id -u)" != 0 ] || chown 65534:65534 archive/*.key archive/a.keys
looks() { # CODE ARGS...
    unprivileged "$softuicc" "${@:2}" >out 2>err </dev/null
    [ $? = "$1" ] && [ -s out ]
    verdict $? "nothing needs to be written: ${*:2}"
}
before=$(stat -c '%s %y' archive archive/?.uicc)
if unprivileged "$softuicc" --version >/dev/null 2>&1 && unprivileged test -x "$work/archive"; then
    looks 0 show archive/a.uicc --card "$("$softuicc" show archive/a.uicc --json | grep -oE '"iccid": "[0-9]+"' | sed -n '1s/[^0-9]//gp')"
    looks 1 diff archive/a.uicc archive/b.uicc
    looks 0 export archive/a.uicc --format csv --keys archive/a.keys
else
    skip "looking at decks that may not be written" "nobody else may run $softuicc, or come here"
fi
[ "$before" = "$(stat -c '%s %y' archive archive/?.uicc)" ]
verdict $? "nothing was"
chmod 700 archive "$work"

# ---- a page of a deck that is unsound, where only its cards suffer ----
# Large, so that it is not looked through when it is opened; every leaf with that card is made a page of no kind.
cat >spoil.py <<'PYTHON'
import sys
deck, iccid, size = sys.argv[1], sys.argv[2], 80 << 20
digits = [int(d) + 1 for d in iccid] + [0] * (20 - len(iccid))
key = b"C" + bytes(a << 4 | b for a, b in zip(digits[::2], digits[1::2]))
with open(deck, "r+b") as f:
    octets = f.read()
    for at in range(2 * 4096, len(octets), 4096):
        if octets[at + 10] == 2 and key in octets[at : at + 4096]:
            f.seek(at + 10)
            f.write(b"\x42")
    f.truncate(size)
PYTHON
card=$("$softuicc" show m.uicc --json | grep -oE '"iccid": "[0-9]+"' | sed -n '200s/[^0-9]//gp')
/usr/bin/python3 spoil.py m.uicc "$card"
# unread NAME CODE ARGS...: and it is as long again, which it was not when it was closed
unread() {
    truncate -s 80M m.uicc
    expect "$1: a card that cannot be read" "${@:2}"
    grep -q "m.uicc cannot be read: the file is damaged or has been tampered with" err && [ "$(wc -l <err)" = 1 ]
    verdict $? "$1 says why"
}
unread remove 1 remove m.uicc --card "$card"
unread add 1 add m.uicc --iccid "$card" --imsi 001010000000001
unread export 1 export m.uicc --card "$card" --format csv --keys m.keys
unread diff 2 diff m.uicc n.uicc --card "$card"

tap_end
