#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Decks made by earlier versions (decks/make): they open, they have what they had, and their cards go on.
# Usage: test_decks.sh PATH/TO/softuicc
# shellcheck source=tests/unit/cli.bash
. "$(dirname "$(readlink -f "$0")")/cli.bash"

case $(uname -m) in
x86_64 | aarch64 | riscv64) ;;
*) skip_all "LMDB's files are those of the kind of machine, and these are of 64 bits, little-endian" ;;
esac
a=8900101000000000019 b=8900101000000000027
usim=00A4040C07A0000000871002

unpack() { /usr/bin/python3 -c 'import lzma, sys; open(sys.argv[2], "wb").write(lzma.open(sys.argv[1]).read())' "$@"; }

# CARD: all that is written of it is there; more may be
same() {
    expect "deck $n: card $1" 0 show deck.uicc --card "$1" --json
    /usr/bin/python3 - "$here/decks/$n.json" "$1" >lacks 2>&1 <<'PY'
import json, sys
def lacks(old, new, where):
    if isinstance(old, dict):
        return [x for k in old for x in (lacks(old[k], new[k], where + "/" + k) if isinstance(new, dict) and k in new else [where + "/" + k])]
    if isinstance(old, list):
        return [x for i, (o, v) in enumerate(zip(old, new)) for x in lacks(o, v, "%s[%d]" % (where, i))] if isinstance(new, list) and len(old) == len(new) else [where]
    return [] if old == new else ["%s: %r, was %r" % (where, new, old)]
text, all, at = open(sys.argv[1]).read(), [], 0
while text[at:].strip():
    card, at = json.JSONDecoder().raw_decode(text, at + len(text[at:]) - len(text[at:].lstrip()))
    all.append(card)
old = next(c for c in all if c["iccid"] == sys.argv[2])
missing = lacks(old, json.load(open("out")), "")
print("\n".join(missing[:10]))
sys.exit(bool(missing) or not old["files"])
PY
    verdict $? "deck $n: card $1 has what it had" lacks
}

# WHAT CARD COMMAND...: the last is answered so
answers() {
    "$softuicc" apdu deck.uicc "${anchor[@]}" --card "$2" "${@:4}" >out 2>err </dev/null
    grep '^<' out | tail -1 | grep -qE "^< $3( |\$)"
    verdict $? "deck $n: $1: $(grep '^<' out | tail -1)"
}

# CARD INDEX COLUMN: of the maker's record
recorded() { awk -F'\t' -v iccid="$1" -v index_="$2" -v column="$3" '$1 == iccid "" && $2 == index_ { print toupper($column) }' "$n.keys"; }
order() { "$softuicc" change --keys "$n.keys" --print "$@" 2>>err; }
state() { json "deck $n: card $1: pair $2 is $3" "[p['state'] for p in j['pairs'] if p['index'] == $2] == ['$3']"; }

for key in "$here"/decks/*.uicc.key; do
    n=$(basename "$key" .uicc.key)
    rm -f ./*.db* && unpack "$here/decks/$n.uicc.xz" deck.uicc && cp "$key" deck.uicc.key && cp "$here/decks/$n.keys" . && chmod 600 deck.uicc.key "$n.keys"
    verdict $? "deck $n"
    anchor=()
    [ ! -f "$here/decks/$n.anchor" ] || { cp "$here/decks/$n.anchor" anchor && anchor=(--anchor anchor); }
    same $a
    same $b
    answers "the PIN it was changed to" $a 9000 00200001083938373635343332
    answers "the PUK of the record" $b 9000 "002C000110$(recorded $b p0 6)31313131FFFFFFFF"
    answers "PIN2 of the record" $b 9000 $usim "0020008108$(recorded $b p1 5)"
    # what came over the air comes no second time; the next does
    answers "an order that was obeyed" $b '.*' 80100000020200 "$(order --iccid $b --imsi 001020000000043 --common --key-index 0 --counter 300 --index 2)"
    says "deck $n: it is not executed again" '# CNTR low'
    expect "deck $n: after it" 0 show deck.uicc --card $b --json
    state $b 3 unused
    answers "the next order, by the pair it is on" $b '61..' 80100000020200 "$(order --iccid $b --imsi 001030000000044 --key-index 2 --counter 1 --index 3)"
    expect "deck $n: after that" 0 show deck.uicc --card $b --json
    state $b 3 'on trial'
    # the trial ends as it would have: with an authentication under the new key
    expect "deck $n: its next operator" 0 auc add --db b.db --keys "$n.keys" --iccid $a --index 1 --imsi 001020000000042
    printf 'network B 00102 auc b.db\npower on\nexpect registration stat=1 plmn=00102\npower off\n' >scenario
    expect "deck $n: registers with it" 0 modem deck.uicc "${anchor[@]}" --card $a --pin 98765432 --script scenario --virtual-clock --seed 7
    expect "deck $n: after the trial" 0 show deck.uicc --card $a --json
    state $a 0 retired
    state $a 1 active
    if [ ${#anchor[@]} -gt 0 ]; then # the deck as it came is older than what the anchor has seen by now
        mkdir -p older && cp deck.uicc.key older/ && unpack "$here/decks/$n.uicc.xz" older/deck.uicc
        refuses "deck $n: an older copy" 1 'is an older copy' apdu older/deck.uicc "${anchor[@]}" --card $a 00A4000C023F00
    fi
    expect "deck $n: another card" 0 add deck.uicc --iccid 890010100000000099 --imsi 001010000000099
done
((n >= 1))
verdict $? "there are decks"
tap_end
