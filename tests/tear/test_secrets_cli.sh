#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What the tools print, and what they leave: everything that every command says, its errors above all, is searched for the keys, PINs and seed that it was given. Only what is made to hold
# keys (key files, exports) may. And softuicc run leaves no core file. Usage: test_secrets_cli.sh PATH/TO/softuicc
set -u
softuicc=$(readlink -f "$1") || exit 1
work=$(mktemp -d) || exit 1
pid=
cleanup() {
    [ -z "$pid" ] || kill -9 "$pid" 2>/dev/null
    rm -rf "$work"
}
trap cleanup EXIT
cd "$work" || exit 1
mkdir said
n=0 passed=0 failed=0
ok() { passed=$((passed + 1)); echo "ok $((passed + failed)) - $1"; }
bad() { failed=$((failed + 1)); echo "not ok $((passed + failed)) - $1"; }

seed=5bd17f20c6e4a83990f1e2d37b6c5a4f
pin=73916482
hexpin=3733393136343832
# say ARGS...: runs a command, keeps what it said
say() {
    n=$((n + 1))
    echo "softuicc $*" >"said/$n.command"
    timeout 60 "$softuicc" "$@" >"said/$n" 2>&1 </dev/null
}

say new a.uicc --profile usim --count 2 --iccid 894450000000000001 --imsi 001010000000001 --seed $seed --keys k.tsv
iccid=$(awk 'NR == 2 { print $1 }' k.tsv)
# K, OPc, KIc, KID, KIK of every card; the seed; the PIN, also as an APDU has it
{
    tr '\t' '\n' <k.tsv | grep -E '^[0-9a-f]{32,64}$' | grep '[a-f]'
    echo $seed
    echo $hexpin
    echo $pin
} >secrets
kic=$(awk -F'\t' 'NR == 2 { print $9 }' k.tsv)
kid=$(awk -F'\t' 'NR == 2 { print $11 }' k.tsv)
k=$(awk -F'\t' 'NR == 2 { print $5 }' k.tsv)
[ "$(wc -l <secrets)" -gt 20 ] && [ ${#kic} = 32 ] && [ ${#k} = 32 ]
if [ $? = 0 ]; then ok "there are secrets to look for"; else bad "no secrets in the key file"; fi

# ---- all that works ----
say show a.uicc
say show a.uicc --card "$iccid"
say show a.uicc --card "$iccid" --json
say diff a.uicc a.uicc
say apdu a.uicc --card "$iccid" 00A4040C07A0000000871002 "0028000108${hexpin}" "00200001083132333435363738" "0020000A08${hexpin}" "002000010${hexpin}" "80CAE30000"
say ota encode --tar B00001 --apdu 00A4000C026F46 --counter 1 --keys k.tsv --iccid "$iccid" --form envelope
packet=$(tail -1 said/$n)
say apdu a.uicc --card "$iccid" "$packet" 00C0000029
say ota encode --tar B00001 --apdu 00A4000C026F46 --counter 1 --keys k.tsv --iccid "$iccid"
packet=$(tail -1 said/$n)
say ota decode --keys k.tsv --iccid "$iccid" "$packet"
say ota decode --keys k.tsv --iccid "$iccid" --json "$packet"
say ota decode --kic-key "$kic" --kid-key "$kid" "$packet"
say auc add --db auc.sqlite --keys k.tsv --iccid "$iccid" --imsi 001010000000001
say auc list --db auc.sqlite
say auc list --db auc.sqlite --json
say vault init --vault v
say vault import k.tsv --vault v
say vault list --vault v
say vault log --vault v
say vault verify --vault v
say commands
say add a.uicc --iccid 894450000000000009 --imsi 001010000000009 --seed $seed
say remove a.uicc --card 8944500000000000090
if grep -lq '^softuicc' said/*.command && [ "$n" -gt 15 ]; then ok "$n commands"; else bad "commands"; fi

# ---- all that goes wrong ----
say new b.uicc --seed "${seed}z"
say new b.uicc --seed "${seed}1"
say new b.uicc --seed "$seed$seed$seed$seed$seed"
say new a.uicc --seed $seed
say new b.uicc --profile /nowhere --seed $seed
say new b.uicc --sed $seed
say add a.uicc --iccid 1 --imsi 2 --seed "${seed}z"
for spoilt in "${kic}x" "${kic}1" "$kic$kic$kic" "${kic%??} z"; do
    say ota encode --tar B00001 --apdu 00A4 --counter 1 --kic-key "$spoilt" --kic 12 --kid-key "$kid" --kid 12
    say ota encode --tar B00001 --apdu 00A4 --counter 1 --kic-key "$kic" --kic 12 --kid-key "$spoilt" --kid 12
    say ota decode --kic-key "$spoilt" --kid-key "$kid" "$packet"
done
say ota encode --tar B00001 --apdu 00A4 --counter 1 --kic-key "$kic" --kic 11 --kid-key "$kid" --kid 99
say ota decode "$kic" "$kid"
i=0
# a key file spoilt in each way: a digit that is none, one missing, one more, a column gone, in disorder
for change in "s/$k/${k%?}g/" "s/$k/${k%?}/" "s/$k/${k}0/" "s/\t$k//" "s/$kic/${kic}zz/" "s/\t$kid\t/\t/" "s/milenage/tuak/" "2s/\t1\t/\t99\t/" "1d" "s/\t/;/g" "2,\$s/-\$/sqn=$k/" "2,\$s/aes/des/" "2,\$s/milenage\t\([0-9a-f]*\)/\1\tmilenage/" \
    "2s/\(\t0\t\)[0-9]*\tmilenage\t\([0-9a-f]*\)/\1\2\tmilenage\t-/"; do
    i=$((i + 1))
    sed "$change" k.tsv >bad.tsv
    say ota encode --tar B00001 --apdu 00A4 --counter 1 --keys bad.tsv --iccid "$iccid"
    say auc add --db bad$i.sqlite --keys bad.tsv --iccid "$iccid" --imsi 001010000000001
    say vault import bad.tsv --vault v
    say export a.uicc --format bogus --keys bad.tsv
    say change --iccid "$iccid" --imsi 001020000000042 --keys bad.tsv
done
for row in "1;2;$k;$k" "8944500000000000108;001010000000010;$k;${k}x" "8944500000000000108;001010000000010;${k}aa;$k" "8944500000000000108;001010000000010;$k" "8944500000000000108;$k;001010000000010;$k" "$k;001010000000010;8944500000000000108;$k"; do
    printf 'iccid;imsi;ki;opc\n%s\n' "$row" >bad.csv
    say add a.uicc --csv bad.csv
    say new c$n.uicc --csv bad.csv
done
printf 'iccid;imsi;pin1;adm1\n8944500000000000108;001010000000010;%s9;%s\n' $pin ${hexpin}99 >bad.csv
say add a.uicc --csv bad.csv
printf 'iccid;imsi;%s\n' "$k" >bad.csv
say add a.uicc --csv bad.csv
printf 'format: 1\nname: x\ninclude: usim\npairs:\n  - algorithm: milenage\n    k: %sx\n    opc: %s\n' "$k" "$k" >bad.yaml
say new d.uicc --profile bad.yaml
printf 'format: 1\nname: x\ninclude: usim\npins:\n  - {name: pin1, value: %s9}\n' $pin >bad.yaml
say new d.uicc --profile bad.yaml
printf 'format: 1\nname: x\ninclude: usim\npairs:\n  - {algorithm: milenage, k: %s, opc: [%s]}\n' "$k" "$k" >bad.yaml
say new d.uicc --profile bad.yaml
say profile bad.yaml
say apdu a.uicc --card "$iccid" "0020000108${hexpin}g"
say apdu a.uicc --card "$iccid" "00200001 08 ${hexpin}zz"
head -c 31 a.uicc.key >b.uicc.key && cp a.uicc b.uicc && chmod 600 b.uicc.key
say show b.uicc

# Sixteen digits of any of them, whatever their case, blanks between them left out.
cut -c1-16 secrets | sort -u >digits
found=0
for file in said/*; do
    case $file in *.command) continue ;; esac
    if tr -d ' \t' <"$file" | grep -qiFf digits; then
        found=$((found + 1))
        echo "# said by: $(cut -c1-200 "$file.command")"
        grep -iFf digits "$file" | head -2 | sed 's/^/#   /'
    fi
done
if [ $found = 0 ]; then ok "no key, PIN or seed in what $n commands said"; else bad "$found commands said a secret"; fi

# What lies on the disk, but for what is made to have keys: as text, and as octets
found=0
for file in *; do
    case $file in k.tsv | bad.* | said | secrets | digits) continue ;; esac
    if grep -qaiFf digits "$file" || od -An -v -tx1 "$file" | tr -d ' \n' | grep -qFf digits; then
        echo "# $file"
        found=$((found + 1))
    fi
done
if [ $found = 0 ]; then ok "no key in decks, vaults and data bases"; else bad "a secret on the disk"; fi

# ---- core files ----
(
    ulimit -c unlimited 2>/dev/null
    exec "$softuicc" run a.uicc --card "$iccid" --port 1 >/dev/null 2>&1
) &
pid=$!
for _ in $(seq 100); do
    grep -q '^Max core file size *0 *0' /proc/$pid/limits 2>/dev/null && break
    sleep 0.05
done
if grep -q '^Max core file size *0 *0' /proc/$pid/limits; then ok "run: no core file may be written"; else bad "run: core files are allowed"; fi
if [ "$(id -u)" != 0 ] && head -c 1 /proc/$pid/environ >/dev/null 2>&1; then bad "run: another process reads its memory"; else ok "run: not dumpable"; fi
kill -SEGV $pid
wait $pid 2>/dev/null
pid=
if [ -z "$(find . -name 'core*')" ]; then ok "run: crashed, and no core file"; else bad "run: a core file"; fi

echo "1..$((passed + failed))"
[ $failed = 0 ]
