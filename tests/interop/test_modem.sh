#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_modem.sh SOFTUICC: the virtual terminal as a program: a change of operator played by scenarios, with its power lost at the worst moments; authentication
# centres in process and behind a socket; messages by way of SMPP and softuicc smsc. Inside with-pcscd ($VPCD_PORT is set): the same with the card in
# pcscd's reader. TAP on standard output.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/tap.bash
. "$here/../tap.bash"
softuicc=$(readlink -f "${1:?Usage: test_modem.sh SOFTUICC}")
imsi_a=001010123456780 imsi_b=001020000000042
shm=/dev/shm # no disk to wait for
[[ -w $shm ]] || shm=${TMPDIR:-/tmp}
tmp=$(mktemp -d -p "$shm")
card='' auc='' modem='' smsc=''
# shellcheck disable=SC2317 # called by trap
clean_up() {
    for pid in $smsc $modem $auc $card; do
        kill "$pid" 2>/dev/null
        wait "$pid" 2>/dev/null
    done
    rm -rf "$tmp"
}
trap clean_up EXIT
cd "$tmp" || exit 1

# fresh: a card, in the reader if there is one, and two operators who each know one pair of it
fresh() {
    end card
    rm -f card.uicc* keys a.db* b.db* a.records*
    "$softuicc" new card.uicc --profile usim --imsi $imsi_a --keys keys --seed 000102030405060708090a0b0c0d0e0f >out 2>&1 &&
        "$softuicc" auc add --db a.db --keys keys --imsi $imsi_a --index 0 >>out 2>&1 &&
        "$softuicc" auc add --db b.db --keys keys --imsi $imsi_b --index 1 >>out 2>&1 || cat out
    where=(card.uicc)
    if [[ -n ${VPCD_PORT-} ]]; then
        "$softuicc" run card.uicc --host "$VPCD_HOST" --port "$VPCD_PORT" 2>card.log &
        card=$!
        soon grep -q connected card.log
        where=(--reader "Virtual PCD 00 00")
    fi
}

iccid=8900101000000000019
order() { # FILE: A's order, each time with a new counter, always with the same reference
    "$softuicc" change --iccid $iccid --imsi $imsi_b --keys keys --records a.records --reference 0A0B --print >"$1" 2>>out
}

plays() { # TEXT [OPTION...]: the scenario on standard input
    local text=$1
    shift
    cat >scenario
    timeout 60 "$softuicc" modem "${where[@]}" --script scenario --virtual-clock --seed 7 "$@" >out 2>&1
    verdict $? "$text" scenario out
}

fresh
order order1
order order2
plays "a change of operator: registered with A, ordered, REFRESH, registered with B" --json <<'SCENARIO'
network A 00101 auc a.db title "Operator A"
network B 00102 auc b.db act eutran
power on
expect registration stat=1 plmn=00101
sms order1
expect "sms report" failure=0
expect refresh mode=4
expect registration stat=1 plmn=00102
check imsi 001020000000042
sms order2                  # ordered once more: A's keys open nothing any more
refute refresh for 10s
check operator 00102
power off
SCENARIO
/usr/bin/python3 -c '
import json
events = [json.loads(line) for line in open("out")]
assert all("ms" in e and "event" in e for e in events)
assert [e["stat"] for e in events if e["event"] == "registration"][:3] == [2, 1, 0], events
' 2>said
verdict $? "--json: an object a line" said out

# Worst moments: where the power is lost, and what the rest of the story is
worst() { # MOMENT CUT
    fresh
    order order1
    order order2
    plays "power lost $1: with B at the end" <<SCENARIO
network A 00101 auc a.db
network B 00102 auc b.db act utran
power on
expect registration stat=1 plmn=00101
cut $2
${3-sms order1}
expect "card lost"
power on
$4
expect registration stat=1 plmn=00102
check imsi $imsi_b
power cycle
expect registration stat=1 plmn=00102
power off
SCENARIO
    end card # one process at a time has the deck
    "$softuicc" show card.uicc >out 2>&1
    grep -qE "^1 +active" out && grep -qE "^0 +retired" out
    verdict $? "  the old pair is retired, the new one active"
}
# Before the card has obeyed, the operator has to say it again; afterwards a terminal that comes back finds the new subscription.
again=$'expect registration stat=1 plmn=00101\nsms order2'
worst "before ENVELOPE" "before ENVELOPE" "sms order1" "$again"
worst "after ENVELOPE, before GET RESPONSE" "after ENVELOPE" "sms order1" ""
worst "with the receipt in hand" "after GET-RESPONSE" "sms order1" ""
worst "before FETCH" "before FETCH" "sms order1" ""
worst "after FETCH" "after FETCH" "sms order1" ""
worst "before the session ends" "before STATUS" "sms order1" ""
worst "in the reset of REFRESH" "before SELECT" "sms order1" ""
worst "in the reset of REFRESH, IMSI read" "after SELECT 8" "sms order1" ""
worst "before TERMINAL PROFILE" "before TERMINAL-PROFILE" "sms order1" ""
worst "before the first AKA" "before AUTHENTICATE" "sms order1" ""
worst "after the first AKA" "after AUTHENTICATE" "sms order1" ""
worst "with the keys half kept" "after UPDATE-BINARY 2" "sms order1" ""

fresh
order order1
plays "B does not know the card: it goes back to A by itself" <<SCENARIO
network A 00101 auc a.db
network B 00102
power on
expect registration stat=1 plmn=00101
sms order1
expect registration stat=3 cause=2
$(for ((i = 0; i < 30; i++)); do echo "power cycle"; done)
expect registration stat=1 plmn=00101
check imsi $imsi_a
power off
SCENARIO

if [[ -z ${VPCD_PORT-} ]]; then
    for i in 1 2; do
        fresh
        printf 'network A 00101 auc a.db\npower on\nexpect registration stat=1\nwait 1h\npower off\n' >scenario
        "$softuicc" modem card.uicc --script scenario --virtual-clock --seed 9 --json --apdus >run$i 2>&1
    done
    cmp run1 run2 >out 2>&1 && [[ $(wc -l <run1) -gt 200 ]]
    verdict $? "the same seed: the same hour, command by command"
fi

# ---- statements from the standard input ----
fresh
printf 'print one\nprint %05000d print two\nprint "the last"' 0 | timeout 30 "$softuicc" modem "${where[@]}" --off --interactive >out 2>errors
verdict $? "statements from the standard input, until it ends" out errors
[[ $(cat out) == $'one\nthe last' && $(cat errors) == "a line of more than 4094 characters" ]]
verdict $? "a line that is too long is none; the last needs no line end" out errors

timeout 20 "$softuicc" modem "${where[@]}" --pty - 2>errors | head -n 1 >out
[[ ${PIPESTATUS[0]} != 124 && $(wc -l <out) == 1 ]]
verdict $? "it ends when nobody listens to it any more" out errors
timeout 20 "$softuicc" modem "${where[@]}" --pty - 2>errors | { head -n 1 >out; sleep 0.5; }
[[ ${PIPESTATUS[0]} != 124 && $(wc -l <out) == 1 ]]
verdict $? "also if it has nothing to say any more" out errors
if [[ -z ${VPCD_PORT-} ]]; then
    { echo 'power on'; sleep 1; echo 'wait 90s'; sleep 0.5; echo 'power off'; } |
        timeout 20 "$softuicc" modem card.uicc --network 00101:A=a.db --virtual-clock --off --interactive --json >out 2>errors
    verdict $? "a virtual clock at the keyboard" out errors
    [[ $(tail -n 1 out) == '{"ms":90000,"event":"sim","state":"off"}' ]]
    verdict $? "stands still between statements" out errors
fi

if [[ -z ${VPCD_PORT-} ]]; then # two modems, one after the other, under the same name
    "$softuicc" new second.uicc --profile test >out 2>&1
    "$softuicc" modem card.uicc --off --pty link >one.log 2>&1 &
    modem=$!
    soon test -L link
    pty=$(readlink link)
    "$softuicc" modem second.uicc --off --pty link >two.log 2>&1 &
    smsc=$!
    for ((i = 0; i < 100; i++)); do
        [[ $(readlink link) != "$pty" ]] && break
        sleep 0.05
    done
    end modem
    [[ -L link && $(readlink link) != "$pty" ]]
    verdict $? "a modem leaves the link that is another's by now" one.log two.log
    end smsc
    [[ ! -L link ]]
    verdict $? "and takes its own away" two.log
fi

# ---- as a daemon: a centre behind a socket, messages by SMPP ----
fresh
"$softuicc" auc serve --db a.db --socket a.socket >auc.log 2>&1 &
auc=$!
soon test -S a.socket
mkfifo keyboard
"$softuicc" modem "${where[@]}" --network 00101:A=unix:a.socket --network 00102:B=b.db --sms-socket sms.socket --interactive --json \
    <keyboard >modem.log 2>&1 &
modem=$!
exec 8>keyboard
soon grep -q '"stat":1,"plmn":"00101"' modem.log
verdict $? "registered, by way of softuicc auc serve" modem.log auc.log
"$softuicc" smsc --modem sms.socket --listen 127.0.0.1:0 >smsc.log 2>&1 &
smsc=$!
soon grep -q listening smsc.log
port=$(sed -n '1s/^listening at 127\.0\.0\.1:\([0-9]*\), .*/\1/p' smsc.log)
timeout 30 "$softuicc" change --iccid $iccid --imsi $imsi_b --keys keys --records a.records --smpp "127.0.0.1:$port" --to 12345 >out 2>&1
verdict $? "softuicc change, over SMPP, softuicc smsc and softuicc modem" out modem.log smsc.log
grep -q '^order obeyed: pair 1 active' out
verdict $? "the receipt came back the same way"
soon grep -q '"stat":1,"plmn":"00102","imsi":"'$imsi_b'"' modem.log
verdict $? "registered with B" modem.log
timeout 30 "$softuicc" ota send --keys keys --index 1 --tar B00001 --smpp "127.0.0.1:$port" --to 12345 --records b.records --iccid $iccid \
    --apdu 00A40004026F07 --apdu 00B0000009 >out 2>&1
verdict $? "B reads EF.IMSI over the air: it has the keys" out modem.log
if type -P /usr/bin/python3 >/dev/null; then # texts for the user, and one of his
    PYTHONDONTWRITEBYTECODE=1 timeout 30 /usr/bin/python3 "$here/smpp_client.py" "$port" texts 12345 >texts 2>&1 &
    esme=$!
    soon grep -q sent texts
    soon grep -q '"sms stored","memory":"SM","index":3' modem.log
    grep -q '"tpdu":"0404917411.*0AF3B2BDEC0689D3F439"' modem.log
    verdict $? "a text in 7 bits comes packed to the terminal" texts modem.log smsc.log
    [[ $(grep -c '"sms stored"' modem.log) == 3 ]]
    verdict $? "texts in 7 bits, 8 bits and UCS2 are kept for its user" texts modem.log
    echo 'send 4711 "from the user"' >&8
    wait "$esme"
    verdict $? "a text of the user comes to the ESME" texts modem.log smsc.log
    tail -n1 texts | grep -qx 'from the user'
    verdict $? "as he wrote it" texts
fi
end smsc
verdict $? "softuicc smsc ends" smsc.log
end modem
verdict $? "softuicc modem ends at SIGTERM, the card is powered down" modem.log
exec 8>&-
tail -n1 modem.log | grep -q '"sim","state":"off"'
verdict $? "and says so" modem.log
[[ ! -e sms.socket ]]
verdict $? "its socket is gone"
end auc

# ---- the secure channel (requirement P3): a card that wants it for everything ----
if [[ -z ${VPCD_PORT-} ]]; then
    key=000102030405060708090A0B0C0D0E0F
    printf '%s\n' 'format: 1' 'include: usim' 'name: channel' 'applets:' \
        "  - {class: secure-channel, params: 8010${key}810102}" >channel.yaml
    echo $key >psk
    echo ffffffffffffffffffffffffffffffff >wrong
    rm -f a.db*
    "$softuicc" new channel.uicc --profile channel.yaml --imsi $imsi_a --keys channel.keys >out 2>&1 &&
        "$softuicc" auc add --db a.db --keys channel.keys --imsi $imsi_a --index 0 >>out 2>&1
    verdict $? "a card that wants a secure channel" out
    where=(channel.uicc)
    plays "secure channel: registered" --secure-channel psk <<'SCENARIO'
network A 00101 auc a.db
power on
expect registration stat=1 plmn=00101
SCENARIO
    plays "not with another key" --secure-channel wrong <<'SCENARIO'
network A 00101 auc a.db
power on
expect "card lost"
refute registration stat=1 for 10s
SCENARIO
    plays "nor without one" <<'SCENARIO'
network A 00101 auc a.db
power on
refute registration stat=1 for 10s
SCENARIO
    where=(card.uicc)
    fails_key=(--secure-channel channel.yaml)
else
    fails_key=(--secure-channel nothing)
fi

# ---- what is wrong is said in a line ----
fails() { # TEXT CODE PATTERN ARGUMENT...
    local text=$1 wanted=$2 pattern=$3 code
    shift 3
    timeout 30 "$softuicc" modem "$@" >out 2>err </dev/null
    code=$?
    ((code == wanted)) && [[ $(wc -l <err) == 1 ]] && grep -qE -- "$pattern" err
    verdict $? "$text" err out
}
fails "no card named" 2 'which card\?'
fails "two" 2 'which card\?' card.uicc --reader x
fails "a network without a place" 2 'is not PLMN' "${where[@]}" --network 00101
fails "a network's number" 2 "no network's number" "${where[@]}" --network 001=none
fails "no such centre" 1 'no.db' "${where[@]}" --network 00101=no.db
fails "a network's name" 2 'a name has at most 63 characters' "${where[@]}" --network "00101:$(printf %064d 0)=none"
fails "a gateway's name" 2 'the name of a socket is shorter' "${where[@]}" --network "00101=unix:$(printf %0110d 0)"
fails "a clock that nothing ends" 2 '--virtual-clock is for a scenario' "${where[@]}" --virtual-clock
fails "a personality that nobody meets" 2 '--personality is of AT commands' "${where[@]}" --personality gsm
fails "a PIN" 2 'a PIN has 4 to 8 digits' "${where[@]}" --pin 12
fails "a profile" 2 '--profile' "${where[@]}" --profile sparkling
echo 'power on' >scenario
echo 'dance' >>scenario
fails "a scenario with a mistake" 1 "scenario:2: no statement 'dance'" "${where[@]}" --script scenario
fails "a key that is none" 2 '--secure-channel' "${where[@]}" "${fails_key[@]}"
fails "no scenario" 1 'No such file' "${where[@]}" --script nothing

tap_end
