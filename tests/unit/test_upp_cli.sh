#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Cards from a profile package, on the command line. Usage: test_upp_cli.sh SOFTUICC TEST_UPP
set -u
softuicc=$(readlink -f "$1") || exit 1
maker=$(readlink -f "$2") || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
n=0 failed=0
verdict() {
    n=$((n + 1))
    if [ "$2" = 0 ]; then
        echo "ok $n - $1"
    else
        failed=1
        echo "not ok $n - $1"
        sed 's/^/#   /' out err 2>/dev/null | head -20
    fi
}
# expect NAME CODE ARGS...
expect() {
    local name=$1 code=$2
    shift 2
    timeout 60 "$softuicc" "$@" >out 2>err </dev/null
    [ $? = "$code" ]
    verdict "$name" $?
}
says() { grep -qE -e "$2" out; verdict "$1" $?; }
# refuses NAME CODE PATTERN ARGS...: one line on stderr, nothing on stdout, nothing made
refuses() {
    local name=$1 code=$2 pattern=$3 before got
    shift 3
    before=$(ls)
    timeout 60 "$softuicc" "$@" >out 2>err </dev/null
    got=$?
    [ "$got" = "$code" ] && [ "$(wc -l <err)" = 1 ] && grep -qE -e "$pattern" err && [ ! -s out ] && [ "$before" = "$(ls)" ]
    verdict "$name" $?
}
touch out err

"$maker" --package small.der
verdict "the small package is written" $?
expect "new --upp" 0 new card.uicc --upp small.der --pairs 2 --keys card.keys --seed 000102030405060708090a0b0c0d0e0f
says "ICCID and IMSI are the package's" '^card\.uicc: 1 card of profile upp, ICCID 8900101234567890123, IMSI 001010123456780, 3 K/OTA pairs'
says "what is not imported is listed, with octet and element" '^small\.der: not as in the package: octet [0-9]+: PE [0-9]+ \(securityDomain\): '
grep -q "^8900101234567890123	0	001010123456780	milenage	465b5ce8b199b49faa5f0a2ee238a6bc	" card.keys
verdict "pair 0 has the package's key" $?
[ "$(grep -c '^8900101234567890123	[0-2]	' card.keys)" = 3 ]
verdict "two derived pairs follow" $?
expect "show" 0 show card.uicc
says "show has the files" 'EF\.IMSI +6F07 07'
expect "new --upp with --iccid and --imsi" 0 new other.uicc --upp small.der --iccid 890010100000000777 --imsi 001010000000005 --count 2
says "options come before the package" 'ICCID 890010100000000777[0-9] to 8900101[0-9]{12}, IMSI 001010000000005 to 001010000000006, 1 K/OTA pair each'
expect "new --upp --count" 0 new many.uicc --upp small.der --count 3
says "ICCIDs count up from the package's, with check digits" 'ICCID 890010123456789012[0-9] to 890010123456789014[0-9], IMSI 001010123456780 to 001010123456782'
expect "profile check of a package" 0 profile check small.der
says "profile check says what is in it" '^small\.der: good: profile upp, [0-9]+ EFs'
says "profile check lists what is not imported" '^small\.der: not as in the package: '
expect "profile show of a package" 0 profile show small.der
says "profile show has the ICCID" '^ICCID +8900101234567890123$'
! grep -qi 465b5ce8 out
verdict "profile show has no keys" $?
# Rules that no profile in YAML has: two conditions, which must both hold; NOT, which must not
/usr/bin/python3 - <<'PYTHON'
package = open("small.der", "rb").read()
rule = bytes.fromhex("800103A406830101950108800158A40683010A950108")
for name, by in (("both", "800103A406830101950108A40683010A950108FFFFFF"), ("not", "800103A708A406830101950108FFFFFFFFFFFFFFFFFFFF")):
    by = bytes.fromhex(by)[:len(rule)]
    open(name + ".der", "wb").write(package.replace(rule, by))
PYTHON
expect "profile show: conditions that must both hold" 0 profile show both.der
says "are said as the card takes them" 'EF\.Keys  .* PIN1 and ADM1 / PIN1 and ADM1$'
expect "profile show: NOT" 0 profile show not.der
says "is said" 'EF\.Keys  .* not \(PIN1\) / not \(PIN1\)$'

refuses "--upp and --profile" 2 'one of them' new x.uicc --upp small.der --profile test
refuses "--pairs without --upp" 2 'for --upp only' new x.uicc --pairs 2
refuses "--pairs too large" 2 '--pairs: ' new x.uicc --upp small.der --pairs 255
refuses "--imsi with letters" 2 '--imsi' new x.uicc --upp small.der --imsi 00101x
refuses "no such package" 1 'nowhere\.der: No such file' new x.uicc --upp nowhere.der
head -c 1000 small.der >cut.der
refuses "new: a package that is cut" 1 '^softuicc new: cut\.der: octet [0-9]+: PE [0-9]+ \([a-z-]+\)' new x.uicc --upp cut.der
refuses "profile check: a package that is cut" 1 '^softuicc profile: cut\.der: octet [0-9]+: PE' profile check cut.der
refuses "new: YAML as a package" 1 'octet 0' new x.uicc --upp "$0"
head -c 3000000 /dev/zero >large.der
refuses "new: a file that is too large" 1 'too large' new x.uicc --upp large.der
refuses "new: a folder" 1 '.' new x.uicc --upp .
echo "1..$n"
exit $failed
