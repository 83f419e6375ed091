#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_examples.sh SOFTUICC EXAMPLES HEADER GUIDE: "Your first applet" of GUIDE, word by word; and the applets of tools/examples, built as their README says in a folder of their own with nothing but the header, put on cards and put to the virtual modem.
set -u
softuicc=$(realpath "$1") examples=$2 header=$3 guide=$4
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
n=0 failed=0
ok() { # WHAT COMMAND...: the command succeeds
    local what=$1
    shift
    n=$((n + 1))
    if "$@" >"$work/log" 2>&1; then
        echo "ok $n - $what"
    else
        echo "not ok $n - $what"
        sed 's/^/# /' "$work/log"
        failed=1
    fi
}
refused() { # WHAT PATTERN COMMAND...: it fails with one line that has this
    local what=$1 pattern=$2
    shift 2
    n=$((n + 1))
    if ! "$@" >"$work/out" 2>"$work/log" && grep -q -- "$pattern" "$work/log" && [[ $(wc -l <"$work/log") == 1 ]]; then
        echo "ok $n - $what"
    else
        echo "not ok $n - $what"
        sed 's/^/# /' "$work/log"
        failed=1
    fi
}

mkdir "$work/include" && cp "$header" "$work/include"
for name in hello-toolkit imei-lock multi-imsi; do
    cp -r "$examples/$name" "$work" && cd "$work/$name" || exit 1
    ok "$name builds with the header alone, without a warning" \
        cc -std=c99 -Wall -Wextra -Wconversion -Wpedantic -Werror -shared -fPIC -I "$work/include" -o "$name.so" "$name.c"
    ok "$name: a card" "$softuicc" new card.uicc --profile profile.yaml --keys keys.tsv
done

cd "$work/hello-toolkit" || exit 1
ok "hello-toolkit: menu, text, timer, and the count over a power cycle" "$softuicc" modem card.uicc --virtual-clock --script scenario
n=$((n + 1))
answer=$("$softuicc" apdu card.uicc 00A4040C0DF068656C6C6F2D746B00010101 8001000004 2>&1)
if grep -q "^< 000000029000" <<<"$answer"; then echo "ok $n - hello-toolkit: selected, and asked"; else
    echo "not ok $n - hello-toolkit: selected, and asked" && sed 's/^/# /' <<<"$answer" && failed=1
fi
sed 's/aid:/params: 4D6F696E, aid:/' profile.yaml >moin.yaml
ok "hello-toolkit: another greeting by its parameters" "$softuicc" new moin.uicc --profile moin.yaml --keys more.tsv
sed 's/Hello from the card/Moin/' scenario >moin
ok "hello-toolkit: and says it" "$softuicc" modem moin.uicc --virtual-clock --script moin

cd "$work/imei-lock" || exit 1
ok "imei-lock: its own device" "$softuicc" modem card.uicc --virtual-clock --imei 356938035643809 --script scenario-own
ok "imei-lock: another device" "$softuicc" modem card.uicc --virtual-clock --imei 490154203237518 --script scenario-other
ok "imei-lock: back again" "$softuicc" modem card.uicc --virtual-clock --imei 356938035643809 --script scenario-back

cd "$work/multi-imsi" || exit 1
ok "multi-imsi: no service" "$softuicc" modem card.uicc --virtual-clock --script scenario
ok "multi-imsi: another card" "$softuicc" new other.uicc --profile profile.yaml --keys more.tsv
ok "multi-imsi: a country with a rule" "$softuicc" modem other.uicc --virtual-clock --script scenario-country

ok "multi-imsi: and the subscription's IMSI is that one" sh -c "'$softuicc' show other.uicc | grep -q '^0 *active *milenage *001020000000042'"

# The guide: its files (a code block with a name) and its commands (sh), in their order, as a reader would.
mkdir "$work/guide" "$work/guide/bin" && cd "$work/guide" || exit 1
ln -s "$softuicc" bin/softuicc && ln -s "$(dirname "$softuicc")/softuicc-tools" bin/softuicc-tools
awk '/^```[a-z]+ [a-z.]+$/ { file = $2; next } /^```sh$/ { file = "commands"; next } /^```/ { file = ""; next } file != "" { print > file }' "$guide"
ok "the guide has its files and commands" test -s first.c -a -s first.yaml -a -s first.scenario -a -s later.yaml -a -s commands
while read -r command; do
    ok "guide: $command" env SRC="$(dirname "$header")/../.." PATH="$PWD/bin:$PATH" sh -c "$command"
done <commands

# Installed on a card that is there, and deleted.
cd "$work/hello-toolkit" || exit 1
sed 's/so: hello-toolkit.so.*/so: hello-toolkit.so, instance: no}/' profile.yaml >package.yaml
ok "a card with the package only" "$softuicc" new later.uicc --profile package.yaml --keys later.tsv
refused "nothing is in the menu" "did not come" "$softuicc" modem later.uicc --virtual-clock --script scenario
ok "installed, with a menu entry and a timer" "$softuicc" applet install later.uicc hello-toolkit --aid F0616161616161 --uicc 800A01010C01002100000000
ok "it is listed" sh -c "'$softuicc' applet list later.uicc | grep -q 'hello-toolkit *selectable *INSTALL *F0616161616161 .*A000000151000000'"
ok "in JSON as well" sh -c "'$softuicc' show later.uicc --json | grep -q '\"class\": \"hello-toolkit\", \"aid\": \"F0616161616161\", \"state\": \"selectable\", \"life_cycle\": 7, \"installed\": true'"
ok "and works" "$softuicc" modem later.uicc --virtual-clock --script scenario
refused "no second one of this AID" "has an applet F0616161616161 already" "$softuicc" applet install later.uicc hello-toolkit --aid F0616161616161
refused "parameters that make no sense" "6A80" "$softuicc" applet install later.uicc hello-toolkit --aid F0616161616162 --uicc 8001
refused "a menu entry that its parameters do not allow" "6581" "$softuicc" applet install later.uicc hello-toolkit --aid F0616161616162 --uicc 800801010C0000000000
refused "what is none" "no class 'no-such' that can be installed; there are .*hello-toolkit" "$softuicc" applet install later.uicc no-such --aid F0616161616162
ok "deleted" "$softuicc" applet delete later.uicc F0616161616161
refused "once" "no applet F0616161616161" "$softuicc" applet delete later.uicc F0616161616161
refused "the profile's stays" "is of the profile" "$softuicc" applet delete later.uicc A0000000871002FFFFFFFF8907090000

# The same by GlobalPlatform, under SCP03: INSTALL [for install and make selectable] of package, module, AID, C9 and toolkit parameters; DELETE.
package=F068656C6C6F2D746B0001
ok "installed through the issuer's security domain" "$softuicc" apdu later.uicc --auto --kvn 30 --keys later.tsv \
    "80E60C00350B${package}0C${package}0107F0616161616161010010C900EA0C800A01010C01002100000000""0000"
ok "and works too" "$softuicc" modem later.uicc --virtual-clock --script scenario
ok "deleted through it" "$softuicc" apdu later.uicc --auto --kvn 30 --keys later.tsv 80E40000094F07F061616161616100
refused "nothing is in the menu any more" "did not come" "$softuicc" modem later.uicc --virtual-clock --script scenario

# What can be wrong with a shared object is said in one line.
cd "$work/hello-toolkit" || exit 1
refused "a card whose object is gone" "hello-toolkit.so: .*No such file" sh -c "mv hello-toolkit.so gone.so; '$softuicc' show card.uicc"
refused "an object that everybody may write to" "hello-toolkit.so: everybody may write to it" sh -c "cp gone.so hello-toolkit.so; chmod o+w hello-toolkit.so; '$softuicc' show card.uicc"
chmod o-w hello-toolkit.so
refused "an object that is none" "hello-toolkit.so: " sh -c "echo text >hello-toolkit.so; '$softuicc' apdu card.uicc 00A4000C023F00"
sed 's/so: hello-toolkit.so/so: gone.so/' profile.yaml >wrong.yaml
refused "a class that it has not" 'has no class "gone"; it has: hello-toolkit' "$softuicc" new wrong.uicc --profile wrong.yaml --keys less.tsv
echo "1..$n"
exit $failed
