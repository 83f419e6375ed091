#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_smsc.sh SOFTUICC: packets and orders over SMPP, to cards that softuicc smsc reaches; SMSC and ESME against peers that lie. All on loopback, at ports
# that the system chooses. Inside with-pcscd ($VPCD_PORT is set): the same over PC/SC. With $PYSIM, a checkout of pySim (and what it needs in $PYTHONPATH):
# its smpp-ota-tool against our SMSC. TAP on standard output.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/tap.bash
. "$here/../tap.bash"
softuicc=$(readlink -f "${1:?Usage: test_smsc.sh SOFTUICC}")
tmp=$(mktemp -d)
smsc='' card='' fake=''
tap_files=(out err)
# shellcheck disable=SC2317 # called by trap
cleanup() {
    for pid in $smsc $card $fake; do
        kill "$pid" 2>/dev/null
        wait "$pid" 2>/dev/null
    done
    rm -rf "$tmp"
}
trap cleanup EXIT
cd "$tmp" || exit 1
export PYTHONDONTWRITEBYTECODE=1
does() { # TEXT ARGUMENT...: exit code 0, nothing on standard error
    local text=$1 code
    shift
    timeout 60 "$softuicc" "$@" >out 2>err </dev/null
    code=$?
    ((code == 0)) && [[ ! -s err ]]
    verdict $? "$text"
}

fails() { # TEXT CODE PATTERN ARGUMENT...: one line on standard error that matches
    local text=$1 wanted=$2 pattern=$3 code
    shift 3
    timeout 60 "$softuicc" "$@" >out 2>err </dev/null
    code=$?
    ((code == wanted)) && [[ $(wc -l <err) == 1 ]] && grep -qE -- "$pattern" err
    verdict $? "$text"
}

says() { # TEXT PATTERN
    grep -qE -- "$2" out
    verdict $? "$1"
}

is_json() { # TEXT JQ-EXPRESSION-IN-PYTHON: of the object `j` in out
    /usr/bin/python3 -c "import json; j = json.load(open('out')); assert $2, j" 2>>err
    verdict $? "$1"
}

# start ARGUMENT...: an SMSC; its port is $port
start() {
    local i
    rm -f smsc.out
    "$softuicc" smsc --listen 127.0.0.1:0 --account op:secret --account other:word "$@" >smsc.out 2>smsc.err &
    smsc=$!
    for ((i = 0; i < 100; i++)); do
        [[ -s smsc.out ]] && break
        sleep 0.1
    done
    port=$(sed -n '1s/^listening at 127\.0\.0\.1:\([0-9]*\), .*/\1/p' smsc.out)
    way=(--smpp "127.0.0.1:$port" --system-id op --password secret)
}

stop() { # TEXT: SIGTERM, exit code 0, nothing said on standard error
    local code
    kill -TERM "$smsc"
    timeout 10 tail --pid="$smsc" -f /dev/null
    wait "$smsc"
    code=$?
    smsc=''
    cp smsc.out out
    cp smsc.err err
    ((code == 0)) && [[ ! -s smsc.err ]]
    verdict $? "$1"
}

show_imsi() { # DECK IMSI
    "$softuicc" show "$1" >out 2>err && grep -q "$2" out
    verdict $? "the card in $1 shows IMSI $2"
}

"$softuicc" new one.uicc --keys keys --seed 000102030405060708090a0b0c0d0e0f >out 2>err || exit 1
iccid=$(sed -n 2p keys | cut -f1)
read_imsi=(--tar usim --apdu 00A40004026F07 --apdu 00B0000009)
own=(--keys keys --records records)
imsi=080910101032547608
# So many answers that none of them fits one message
{
    echo "# EF.IMSI, again and again"
    echo "> 00A40004026F07"
    for ((i = 0; i < 30; i++)); do echo "00 B0 00 00 09 # $i"; done
} >long.apdu

if [[ -n ${VPCD_PORT-} ]]; then # ---- over PC/SC ----
    /usr/bin/python3 -c 'import smartcard' 2>/dev/null ||
        skip_all "pyscard is not installed: apt-get install python3-pyscard"
    "$softuicc" run one.uicc --host "$VPCD_HOST" --port "$VPCD_PORT" --trace trace 2>run.log &
    card=$!
    # A fresh pcscd looks for cards only while it has a client.
    /usr/bin/python3 "$here/demo_card.py" await >/dev/null || exit 1
    does "a script, PoR in the report" ota send "${read_imsi[@]}" "${own[@]}"
    says "its answer is told" "executed: 2 commands, 9000, $imsi"
    does "PoR by SMS-SUBMIT" ota send "${read_imsi[@]}" "${own[@]}" --por always,cc,ciphered,submit
    says "and its answer too" "executed: 2 commands, 9000, $imsi"
    does "a long script, in several messages both ways" ota send --tar usim --script long.apdu --expanded=indefinite "${own[@]}"
    says "sent in several" '^sent in [2-9] short messages'
    says "all answers are there" "executed: 31 commands, 9000, $imsi"
    "$softuicc" new other.uicc --iccid 8988211000000000011 --keys other.keys >out 2>err
    fails "another card is left alone" 1 'not 8988211000000000011; nothing was sent' ota send "${read_imsi[@]}" --keys other.keys --counter 1
    kill $card
    wait $card
    card=''
    # The SMSC at a reader, and the whole change through it
    "$softuicc" run one.uicc --host "$VPCD_HOST" --port "$VPCD_PORT" --trace trace 2>run.log &
    card=$!
    /usr/bin/python3 "$here/demo_card.py" await >/dev/null || exit 1
    start --reader 0
    does "ota send through an SMSC at a reader" ota send "${read_imsi[@]}" "${own[@]}" "${way[@]}" --to 49123
    does "PoR by SMS-SUBMIT through it" ota send "${read_imsi[@]}" "${own[@]}" "${way[@]}" --to $iccid --por always,cc,ciphered,submit
    kill $card # the card is taken out, and put in again
    wait $card
    fails "no card" 1 '' ota send "${read_imsi[@]}" "${own[@]}" "${way[@]}" --to 49123 --timeout 5
    "$softuicc" run one.uicc --host "$VPCD_HOST" --port "$VPCD_PORT" --trace trace 2>run.log &
    card=$!
    /usr/bin/python3 "$here/demo_card.py" await >/dev/null || exit 1
    does "a card that comes back is met anew" ota send "${read_imsi[@]}" "${own[@]}" "${way[@]}" --to 49123
    does "change through it" change --iccid "$iccid" --imsi 001010123456781 "${own[@]}" "${way[@]}" --to 49123
    stop "SIGTERM ends it"
    kill $card
    wait $card
    card=''
    show_imsi one.uicc 001010123456781
    tap_end
    exit
fi

# ---- a card, and every kind of packet ----
start --deck one.uicc --trace trace
[[ -n $port ]]
verdict $? "smsc says where it listens"
to=("${way[@]}" --to 4912345)
does "a script in compact format" ota send "${read_imsi[@]}" "${own[@]}" "${to[@]}"
says "its answer" "^executed: 2 commands, 9000, $imsi$"
says "is explained" 'Genuine: the CC verifies; status 00'
does "expanded format" ota send "${read_imsi[@]}" "${own[@]}" "${to[@]}" --expanded
says "its answer" "^executed: 2 commands, 9000, $imsi$"
does "expanded format of indefinite length" ota send "${read_imsi[@]}" "${own[@]}" "${to[@]}" --expanded=indefinite
says "its answer" "^executed: 2 commands, 9000, $imsi$"
does "PoR by SMS-SUBMIT" ota send "${read_imsi[@]}" "${own[@]}" "${to[@]}" --por always,cc,ciphered,submit --json
is_json "told as JSON" "j['outcome'] == 'executed' and j['proof'] == 'genuine' and j['executed'] == 2 and j['answer'] == '$imsi' and j['sw'] == '9000'"
does "a long script, in several messages both ways" ota send --tar usim --script long.apdu --expanded=indefinite "${own[@]}" "${to[@]}" --json
is_json "all answers are there" "j['messages'] > 1 and j['executed'] == 31 and len(j['data']) > 600"
does "the same by SMS-SUBMIT" ota send --tar usim --script long.apdu --expanded=indefinite "${own[@]}" "${to[@]}" --por always,cc,ciphered,submit
does "not ciphered" ota send "${read_imsi[@]}" "${own[@]}" "${to[@]}" --por always,cc
does "SPI in words is SPI in octets" ota send "${read_imsi[@]}" "${own[@]}" "${to[@]}" --check cc --cipher --counter higher --por always,cc,ciphered --verbose
says "1619" 'command packet 0028151619'
does "no PoR" ota send "${read_imsi[@]}" "${own[@]}" "${to[@]}" --por never
says "none was asked for" 'no proof of receipt was asked for'
does "a keyset by its version" ota send "${read_imsi[@]}" --keys keys --key-version 1 --records records "${to[@]}"

# ---- what goes wrong ----
fails "a file that is not there" 1 'command 1: file not found \(6A82\)' ota send --tar usim --apdu 00A40004026FFF --apdu 00B0000009 "${own[@]}" "${to[@]}"
fails "a bad script in expanded format" 1 'cannot read the script: wrong length' ota send --tar usim --data AE8022FF --expanded=indefinite "${own[@]}" "${to[@]}"
fails "a counter used already" 1 'did not execute the packet: CNTR low \(02\)' ota send "${read_imsi[@]}" --keys keys --counter 1 "${to[@]}"
fails "a counter that the records know" 1 'counter 1 ' ota send "${read_imsi[@]}" "${own[@]}" --counter 1 "${to[@]}"
fails "nobody has this TAR" 1 'TAR unknown \(09\)' ota send --tar 123456 --apdu 00A40004026F07 "${own[@]}" "${to[@]}"
fails "less than the minimum security" 1 'proves nothing: (insufficient|security)' ota send "${read_imsi[@]}" "${own[@]}" "${to[@]}" --check none --no-cipher --por always
kid=$(sed -n 2p keys | cut -f11)
fails "the wrong key" 1 'proves nothing' ota send "${read_imsi[@]}" --kic-key 000102030405060708090a0b0c0d0e0f --kic 12 --kid-key "$kid" --kid 12 --counter 1000 "${to[@]}"
fails "no keyset of that version" 1 'keys: no pair with a keyset of version 9' ota send "${read_imsi[@]}" --keys keys --key-version 9 --counter 1 "${to[@]}"
fails "the wrong password" 1 "does not let 'op' in: invalid password \(0E\)" ota send "${read_imsi[@]}" "${own[@]}" "${to[@]}" --password wrong
fails "nobody listens" 1 'Connection refused' ota send "${read_imsi[@]}" "${own[@]}" --smpp 127.0.0.1:1 --to 1
fails "no HOST:PORT" 2 'is not HOST:PORT' ota send "${read_imsi[@]}" "${own[@]}" --smpp localhost --to 1
fails "to nobody" 2 '--to N is needed' ota send "${read_imsi[@]}" "${own[@]}" --smpp localhost:1
fails "two ways" 2 'one way only' ota send "${read_imsi[@]}" "${own[@]}" --smpp localhost:1 --to 1 --reader 0
fails "a way without SMPP" 2 'go with --smpp' ota send "${read_imsi[@]}" "${own[@]}" --to 1
fails "no counter" 2 '--counter N, or --records FILE' ota send "${read_imsi[@]}" --keys keys "${to[@]}"
fails "records without a key file" 2 'which is missing' ota send "${read_imsi[@]}" --records records "${to[@]}"
fails "a PoR that there is not" 2 "'sometimes'" ota send "${read_imsi[@]}" "${own[@]}" "${to[@]}" --por sometimes
printf '00A40004026F07\n00B000000\n' >odd.apdu
fails "a script with half an octet" 2 'odd\.apdu:2: odd number of hex digits' ota send --tar usim --script odd.apdu "${own[@]}" "${to[@]}"
fails "a script without commands" 2 'no command in it' ota send --tar usim --script /dev/null "${own[@]}" "${to[@]}"
fails "a script that is not there" 1 'none\.apdu: No such file' ota send --tar usim --script none.apdu "${own[@]}" "${to[@]}"

# ---- the same packet twice: executed once ----
packet=$("$softuicc" ota encode "${read_imsi[@]}" --keys keys --counter 5000)
timeout 20 /usr/bin/python3 "$here/smpp_client.py" "$port" twice 4912345 "027000$packet" >twice 2>err
[[ $(wc -l <twice) == 2 ]] && "$softuicc" ota decode --keys keys --spi 1619 "$(sed -n 1p twice)" >out 2>err && grep -q 'status 00, PoR OK' out
verdict $? "a packet by hand is answered"
"$softuicc" ota decode --keys keys --spi 1619 "$(sed -n 2p twice)" >out 2>err && grep -q 'status 02, CNTR low' out
verdict $? "its duplicate is refused: CNTR low"

# ---- delivery receipts, for those who ask (SMPP 3.4, 5.2.17, appendix B) ----
timeout 20 /usr/bin/python3 "$here/smpp_client.py" "$port" receipts 4912345 "027000$packet" >out 2>err
[[ $(grep -c ' none$' out) == 3 ]] && grep -qE '^1 id:OURS sub:001 dlvrd:001 submit date:[0-9]{10} done date:[0-9]{10} stat:DELIVRD err:000 text:$' out
verdict $? "a receipt for who asks for one in any case, none on success for who asks for failures"

# ---- who sends it: nobody, a name (SMPP 3.4, 4.4.1, 5.2.5); two transmitters with one receiver, which is slow ----
timeout 20 /usr/bin/python3 "$here/smpp_client.py" "$port" sources 4912345 "027000$packet" >out 2>err
printf '%s\n' '00 0:' '00 5:softuicc' 0A | cmp -s - out
verdict $? "messages from nobody, and from a name"
answer=$("$softuicc" ota encode "${read_imsi[@]}" --keys keys --counter 5001 --por always,cc,ciphered,submit)
timeout 20 /usr/bin/python3 "$here/smpp_client.py" "$port" sources 4912345 "027000$answer" ab >out 2>err
grep -qxE '00( 5:ab)+' out
verdict $? "the card's own message back to a name"
timeout 60 /usr/bin/python3 "$here/smpp_client.py" "$port" crowd 4912345 "027000$packet" >out 2>err
says "a receiver that is slow hears everything" '^1600 receipts$'
timeout 60 /usr/bin/python3 "$here/smpp_client.py" "$port" leaving 1 "027000$packet" >out 2>err
says "what was sent before the end of a connection is served" '^540 answers, 540 receipts$'
timeout 60 /usr/bin/python3 "$here/smpp_client.py" "$port" stuck 4912345 "027000$packet" >out 2>err
printf '%s\n' '14 after some seconds' 'enquire_link 00' 'another receiver hears the next' 'unbind 00' | cmp -s - out
verdict $? "a receiver that is stuck holds up nobody for long"
timeout 60 /usr/bin/python3 "$here/smpp_client.py" 0 terminal "$softuicc" terminal.socket >out 2>err
printf '%s\n' '38 without receivers' '0 with one' '42 without room' '0 with another one' | cmp -s - out
verdict $? "a terminal's messages are answered at once, and go to who has room"

does "a counter of ours is noted" ota send "${read_imsi[@]}" "${own[@]}" --counter 6000 "${to[@]}"
stop "SIGTERM ends it"
says "it says what it did" '^[0-9]+ messages submitted, [0-9]+ delivered, [0-9]+ PDUs? refused$'
grep -q 'secret' trace
verdict $((1 - $?)) "no password in the trace"

# ---- an ESME meets SMSCs that are none ----
fake_smsc() {
    rm -f fake.out
    /usr/bin/python3 "$here/smpp_client.py" 0 fake "$@" >fake.out 2>fake.err &
    fake=$!
    for ((i = 0; i < 100; i++)); do
        [[ -s fake.out ]] && break
        sleep 0.1
    done
    liar=(--smpp "127.0.0.1:$(cat fake.out)" --to 1)
}
fake_smsc
fails "a forged PoR is no proof" 1 'proves nothing|forged' ota send "${read_imsi[@]}" "${own[@]}" "${liar[@]}"
wait "$fake"
verdict $? "enquire_link was answered"
fake_smsc silent
fails "no PoR at all" 1 'no proof of receipt came within 1 seconds' ota send "${read_imsi[@]}" "${own[@]}" "${liar[@]}" --timeout 1
wait "$fake"
fake_smsc silent
fails "no proof of receipt of an order" 1 'whether the order was obeyed is not known' change --iccid "$iccid" --imsi 001010123456781 "${own[@]}" "${liar[@]}" --timeout 1
wait "$fake"
fake=''

# ---- a whole change of operator, twice ----
start --deck one.uicc --json
port=$(sed -n '1s/.*"127\.0\.0\.1:\([0-9]*\)".*/\1/p' smsc.out)
way=(--smpp "127.0.0.1:$port" --system-id op --password secret)
does "change over SMPP" change --iccid "$iccid" --imsi 001010123456781 "${own[@]}" "${way[@]}" --to 001010123456780 --reference A1B2 --json
is_json "the order was obeyed" "j['outcome'] == 'obeyed' and j['active'] == 1 and j['unused'] > 0 and j['reference'] == 'A1B2'"
does "the new operator's keys reach it" ota send "${read_imsi[@]}" --index 1 "${own[@]}" --smpp "127.0.0.1:$port" --system-id other --password word --to 001010123456781
says "under its new IMSI" '080910101032547618'
fails "no second change before a network has seen the card" 1 'on trial \(6A95\); nothing changed' change --iccid "$iccid" --imsi 001010123456782 --key-index 1 "${own[@]}" "${way[@]}" --to 1
stop "SIGTERM ends it"
tail -n 1 smsc.out >out
is_json "its last line is JSON" "j['submitted'] == 3 and j['delivered'] == 3"
show_imsi one.uicc 001010123456781

# ---- many cards ----
"$softuicc" new many.uicc --count 20 --keys many --iccid 890010100000001000 --imsi 001010000000100 >out 2>err
first=$(sed -n 2p many | cut -f1)
fifth=$(cut -f1 many | sed -n '2,$p' | sort -u | sed -n 5p)
printf '# number card\n+4915100001\t%s # the first\n\n4915100005 %s\n' "$first" "$fifth" >routes
start --deck many.uicc --routes routes --durability process --trace many.trace
does "by the routing file" ota send "${read_imsi[@]}" --keys many --iccid "$first" --counter 1 "${way[@]}" --to +4915100001
says "the right card" '080910100000001000'
does "by ICCID" ota send "${read_imsi[@]}" --keys many --iccid "$fifth" --counter 1 "${way[@]}" --to "$fifth"
does "by IMSI" ota send "${read_imsi[@]}" --keys many --iccid "$fifth" --counter 2 "${way[@]}" --to 001010000000104
does "a change" change --iccid "$fifth" --imsi 001010000009999 --keys many --counter 3 "${way[@]}" --to 001010000000104
fails "the old IMSI reaches nobody" 1 'invalid destination address \(0B\)' ota send "${read_imsi[@]}" --keys many --iccid "$fifth" --index 1 --counter 1 "${way[@]}" --to 001010000000104
does "the new one does" ota send "${read_imsi[@]}" --keys many --iccid "$fifth" --index 1 --counter 1 "${way[@]}" --to 001010000009999
fails "nobody's number" 1 'invalid destination address \(0B\)' ota send "${read_imsi[@]}" --keys many --iccid "$fifth" --index 1 --counter 2 "${way[@]}" --to 424242
# ---- an SMSC meets ESMEs that are none ----
timeout 120 /usr/bin/python3 "$here/smpp_client.py" "$port" hostile >out 2>err
verdict $? "PDUs that are none: the right command_status, and no more"
grep -q 'submit_sm .* from ?\[31m to' many.trace && ! grep -qP '[\x00-\x09\x0b-\x1f\x7f]' many.trace
verdict $? "and nothing in the trace that a terminal obeys"
does "and it still serves" ota send "${read_imsi[@]}" --keys many --iccid "$first" --counter 2 "${way[@]}" --to "$first"
fails "the deck is in use" 1 "$smsc" smsc --deck many.uicc --listen 127.0.0.1:0
stop "SIGTERM ends it"

# ---- used wrongly ----
fails "no cards" 2 'which cards' smsc
fails "no deck" 1 'none\.uicc' smsc --deck none.uicc --listen 127.0.0.1:0
fails "cards of two kinds" 2 'which cards' smsc --deck many.uicc --reader 0
fails "not of this machine alone" 2 'not ciphered' smsc --deck many.uicc --listen 0.0.0.0:0
fails "no port" 2 'ADDRESS:PORT' smsc --deck many.uicc --listen 127.0.0.1
fails "an account without password" 2 'ID:PASSWORD' smsc --deck many.uicc --account op
fails "a password that is too long" 2 'ID:PASSWORD' smsc --deck many.uicc --account op:123456789
fails "no routing file" 1 'none: No such file' smsc --deck many.uicc --listen 127.0.0.1:0 --routes none
echo "4915100001 8900101000000000019" >routes
fails "a route to nobody" 1 'routes:1: there is no card' smsc --deck many.uicc --listen 127.0.0.1:0 --routes routes
echo "12x $first" >routes
fails "a route from nowhere" 1 'routes:1: the number is not' smsc --deck many.uicc --listen 127.0.0.1:0 --routes routes

# ---- pySim's ESME at our SMSC ----
if [[ -z ${PYSIM-} ]]; then
    skip "pySim's smpp-ota-tool" "PYSIM does not name a checkout of pySim"
elif ! wrong=$(PYTHONPATH=$PYSIM:${PYTHONPATH-} /usr/bin/python3 "$PYSIM/contrib/smpp-ota-tool.py" --help 2>&1 >/dev/null); then
    skip "pySim's smpp-ota-tool" "it does not start: $(tail -n 1 <<<"$wrong")"
else
    "$softuicc" new pysim.uicc --keys pysim --seed 000102030405060708090a0b0c0d0e0f >out 2>err
    start --deck pysim.uicc
    kic=$(sed -n 2p pysim | cut -f9) kid=$(sed -n 2p pysim | cut -f11) counter=0
    for options in "" "--por-in-submit" "--por-no-ciphering" "--por-in-submit --por-no-ciphering"; do
        counter=$((counter + 1))
        # shellcheck disable=SC2086 # options are words
        PYTHONPATH=$PYSIM:${PYTHONPATH-} timeout 30 /usr/bin/python3 "$PYSIM/contrib/smpp-ota-tool.py" --port "$port" --system-id op --password secret \
            --algo-crypt aes_cbc --algo-auth aes_cmac --kic "$kic" --kid "$kid" --kic-idx 1 --kid-idx 1 --cntr $counter --cntr-req counter_must_be_higher \
            --tar b00001 --apdu 00A40004026F07 --apdu 00B0000009 $options >out 2>err
        grep -qi "^$imsi 9000" out
        verdict $? "pySim's smpp-ota-tool ${options:-as it is}"
    done
    stop "SIGTERM ends it"
fi

tap_end
