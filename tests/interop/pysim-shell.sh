# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# What the tests with pySim-shell share; they source it with the arguments they got. Starts them again inside with-pcscd; then a card can be put in and a shell be given a script.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/tap.bash
. "$here/../tap.bash"
if [[ -n ${PYSIM-} ]]; then # modules that Debian lacks may lie beside it
    PYTHONPATH=$(dirname "$PYSIM")/pysim-lib${PYTHONPATH:+:$PYTHONPATH}
    export PYTHONPATH
fi
if [[ -z ${VPCD_PORT-} ]]; then
    [[ -n ${PYSIM-} ]] || skip_all "PYSIM does not name a checkout of pySim"
    [[ -r $PYSIM/pySim-shell.py ]] || skip_all "no pySim-shell.py in $PYSIM"
    export PYSIM
    exec "$here/with-pcscd" -- bash "$0" "$@"
fi
softuicc=$(readlink -f "${1:?Usage: ${0##*/} SOFTUICC}")
python=/usr/bin/python3
wrong=$(cd "$PYSIM" && "$python" pySim-shell.py --help 2>&1 >/dev/null | tail -n 1)
[[ -z $wrong ]] || skip_all "pySim does not start: $wrong"

iccid=8988211000000000011
tmp=$(mktemp -d)
card_pid=''
trap 'kill $card_pid 2>/dev/null; rm -rf "$tmp"' EXIT
cd "$PYSIM" || exit 1
export PYTHONDONTWRITEBYTECODE=1 # nothing is left in the checkout

# insert PROFILE: a new card of it, instead of the one that is there
insert() {
    if [[ -n $card_pid ]]; then
        kill "$card_pid"
        wait "$card_pid" 2>/dev/null
        sleep 0.3 # pcscd looks some times a second: it must see that the card left
    fi
    rm -f "$tmp"/card.uicc* "$tmp/keys"
    "$softuicc" new "$tmp/card.uicc" --profile "$1" --iccid $iccid --imsi 001010123456780 --keys "$tmp/keys" >"$tmp/said" 2>&1 ||
        { cat "$tmp/said" && exit 1; }
    "$softuicc" run "$tmp/card.uicc" --host "$VPCD_HOST" --port "$VPCD_PORT" 2>"$tmp/log" &
    card_pid=$!
    "$python" - <<'PYTHON'
import time
from smartcard.System import readers
for _ in range(100):
    try:
        readers()[0].createConnection().connect()
        break
    except Exception:
        time.sleep(0.1)
PYTHON
}

# shell NAME: pySim-shell does what standard input says; its output goes to $tmp/NAME
shell() {
    { echo equip && cat && echo quit; } >"$tmp/$1.script"
    timeout 240 "$python" pySim-shell.py -p 0 --script "$tmp/$1.script" </dev/null >"$tmp/$1" 2>&1
}

# works NAME TEXT: nothing in the output says that a command was refused or not understood
works() {
    ! grep -qE 'EXCEPTION|not a recognized|^usage:|Refusing|Traceback' "$tmp/$1"
    verdict $? "$2" "$tmp/$1"
}

says() { # NAME PATTERN TEXT
    grep -qE -- "$2" "$tmp/$1"
    verdict $? "$3" "$tmp/$1"
}

# key INDEX NAME: from the card maker's record
key() {
    awk -F'\t' -v index_="$1" -v name="$2" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) column = i }
        NR > 1 && $2 == index_ { print $column }' "$tmp/keys"
}

