#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What people do wrong, as newcomers with the man page did it: each has to be told what was wrong and what to do, and nothing is lost.
# Usage: test_mistakes.sh PATH/TO/softuicc
# shellcheck source=tests/unit/cli.bash
. "$(dirname "$(readlink -f "$0")")/cli.bash"
man=$(dirname "$script")/../../tools/softuicc.1

# ---- the man page, section by section ----
# section NAME: what the man page says of a sub-command
section() {
    awk -v name="$1" '/^\.S[sh] /{on = index(substr($0, 5) " ", name " ") == 1} on' "$man"
}
for command in new add remove export run show diff applet apdu "ota encode" "ota decode" "ota send" change smsc modem rehearse profile commands bench vault handover auc; do
    case $command in
    add | remove) also="new" ;; # "softuicc new --keys" is named
    "ota decode" | "ota send") also="ota encode" ;;
    auc) also="vault" ;;
    modem) also="AT COMMANDS|SECURE CHANNEL" ;;
    *) also= ;;
    esac
    {
        section "$command"
        IFS='|' read -ra more <<<"$also"
        for other in ${more+"${more[@]}"}; do section "$other"; done
    } >its-section
    # shellcheck disable=SC2086 # "ota encode" is two words
    "$softuicc" $command --help | grep -oE '(^|[^-a-z])--[a-z][a-z-]+' | sed 's/.*--//' | sort -u | while read -r option; do
        [ "$option" = help ] || grep -qE -e "Fl -$option( |\$)" its-section || echo "--$option"
    done >out
    [ ! -s out ] && [ -s its-section ]
    verdict $? "the man page has every option of $command where it tells of $command"
done
rm -f its-section

# ---- the man page's examples, as they stand ----
# Each in a folder of its own; what an earlier one made and a later one uses is given to it.
port=$(/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
awk '/^\.Sh /{on = $2 == "EXAMPLES"} !on{next}
     /^\.Dl \$ /{n++; print n "\t" substr($0, 7)}
     /^\.Bd/{n++; block = 1; next} /^\.Ed/{block = 0}
     block{sub(/^\$ /, ""); gsub(/\\e/, "\\"); print n "\t" $0}' "$man" >examples
mkdir given runs
(
    cd given || exit
    for party in a b; do
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $party.pem -out $party.crt -days 2 -subj /CN=$party 2>/dev/null && chmod 600 $party.pem
    done
    printf 'iccid,imsi,ki,opc\n8900101000000010026,001010000000100,8d2a6c50f1937be4d8c61f0a72b93e45,31c7e9a05b48d2f6137ec0945ab86d2f\n' >order.csv
)
for ((example = 1; example <= $(tail -1 examples | cut -f1); example++)); do
    mkdir "runs/$example" && cp given/* "runs/$example/"
    sed -n "s/^$example\t//p" examples | sed "s/127\.0\.0\.1:2775/127.0.0.1:$port/; s/smsc --deck card.uicc &/smsc --deck card.uicc --listen 127.0.0.1:$port >smsc.out \& for i in {1..100}; do grep -q listening smsc.out \&\& break; sleep 0.1; done/
                                                   s/mongoimport .*/cat/" >"runs/$example/commands"
    grep -q ' new ' "runs/$example/commands" && rm -f "runs/$example"/*.uicc* "runs/$example"/*.keys "runs/$example"/*.sqlite
    (cd "runs/$example" && PATH=${softuicc%/*}:$PATH timeout 120 bash -e commands >out 2>&1 </dev/null)
    verdict $? "example $example: $(head -1 "runs/$example/commands")" "runs/$example/out"
    find "runs/$example" \( -name '*.uicc*' -o -name '*.keys' -o -name a.sqlite \) -exec cp -t given {} +
done
((example > 9))
verdict $? "there are examples"
rm -rf given runs examples

# ---- files that are not there ----
for verb in list log verify; do
    refuses "vault $verb of no vault" 1 "none\.vault: No such file or directory" vault $verb --vault none.vault
done
refuses "auc list of no data base" 1 "none\.db: No such file or directory" auc list --db none.db
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout own.pem -out own.crt -days 2 -subj /CN=own 2>/dev/null && chmod 600 own.pem
refuses "a list of no records" 1 "none\.sqlite: No such file or directory" handover make --records none.sqlite --imsi-range 001010000000000-001010000000009 \
    --sign own.crt --key own.pem --to own.crt -o list.cms

# ---- key files ----
quietly new card.uicc --profile test --keys card.keys
{ sed -n 1p card.keys; grep -P '\t2\t-\tmilenage' card.keys; } >two.keys
{ sed -n 1p card.keys; grep -P '\t[12]\t-\tmilenage' card.keys; } >both.keys
refuses "a key file with one pair, and not that" 1 "two\.keys: no pair 0 for card 8900101000000000019; there is only 2" auc add --db a.db --keys two.keys --imsi 001010123456780
refuses "a key file with several, and not that" 1 "both\.keys: no pair 0 for card 8900101000000000019$" auc add --db a.db --keys both.keys --imsi 001010123456780
domain=$(grep -oP '\td\K[0-9]+(?=\t(-\t){4}48\t)' card.keys)
for command in "change --iccid 8900101000000000019 --imsi 001010000000077 --print --key-index" "ota encode --data 00 --tar 000000 --index"; do
    # shellcheck disable=SC2086 # words
    refuses "${command%% --*}: keys of SCP03" 1 "card\.keys: keyset d$domain of card 8900101000000000019 \(version 30\) is a security domain's" $command "$domain" --common --keys card.keys --counter 1
done

# ---- orders and packets ----
refuses "ota send without a counter" 2 "--counter N, or --records FILE, which counts, is needed" ota send --tar usim --apdu 00A40004026F07 --keys card.keys
refuses "ota encode without a counter" 2 "--counter N is needed" ota encode --tar usim --apdu 00A40004026F07 --keys card.keys

"$softuicc" smsc --deck card.uicc --listen 127.0.0.1:0 >smsc.out 2>&1 &
background=$!
soon grep -q listening smsc.out
port=$(grep -oE '127\.0\.0\.1:[0-9]+' smsc.out)
send=(ota send --smpp "$port" --to 1 --tar usim --apdu 00A40004026F07 --keys card.keys)
quietly "${send[@]}" --counter 5
expect "a counter that was used" 1 "${send[@]}" --counter 5
grep -qE 'CNTR low \(02\): .* give a higher one with --counter' err
verdict $? "it says what to do"
expect "fresh records for an old keyset" 1 change --smpp "$port" --to 1 --iccid 8900101000000000019 --imsi 001020000000042 --keys card.keys --records new.sqlite
grep -qE 'nothing changed: CNTR low \(02\): .* give a higher one with --counter' err
verdict $? "it says what to do, too"
expect "that helps, and is noted" 0 change --smpp "$port" --to 1 --iccid 8900101000000000019 --imsi 001020000000042 --keys card.keys --records new.sqlite --counter 6
expect "records go on from there" 0 change --iccid 8900101000000000019 --imsi 001020000000042 --keys card.keys --records new.sqlite --print --json
json "with the next" 'j["counter"] == 7'
kill "$background" 2>/dev/null
wait "$background" 2>/dev/null
background=

# ---- profiles, shared objects, packages ----
printf 'format: 1\ninclude: test\nname: mine\napplets:\n  - so: missing.so\n' >mine.yaml
refuses "a shared object that is not there" 1 "$work/missing\.so: .*No such file" new mine.uicc --profile mine.yaml
mkdir deep && mv mine.yaml deep
refuses "nor beside a profile elsewhere" 1 "$work/deep/missing\.so: .*No such file" new mine.uicc --profile deep/mine.yaml
printf '\xa0\x48\x80\x01\x02' >package.der
refuses "a package in place of a profile" 1 "package\.der is a profile package for eUICCs: --upp" new mine.uicc --profile package.der

# ---- values ----
ln -s card.uicc other-name.uicc
refuses "a deck beside itself" 2 "card\.uicc and other-name\.uicc are the same deck" diff card.uicc other-name.uicc
refuses "rehearse, no probability" 2 "--loss: '2' is no probability" rehearse --loss 2
refuses "handover, a range from above" 2 "'20-10' is not two IMSIs .* the lower one first" handover make --records none.sqlite --imsi-range 20-10
refuses "modem, no profile" 2 "--profile: 'ful' is neither hex nor one of full, machine, old, none" modem card.uicc --profile ful

# ---- a passphrase that is not given after all ----
for signal in INT TERM HUP QUIT; do
    /usr/bin/python3 "$here/at_a_terminal.py" "$signal" "$softuicc" vault init --vault phrase.vault --passphrase >out 2>err
    verdict $? "SIG$signal at the question leaves the terminal with its echo"
done
[ ! -e phrase.vault ]
verdict $? "and no vault"
tap_end
