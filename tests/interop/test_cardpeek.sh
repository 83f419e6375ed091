#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_cardpeek.sh SOFTUICC: cardpeek without its window, its script "gsm" over the whole of the class A0 tree of a card in pcscd's reader. TAP on standard output; exit code 77:
# cannot be tried here.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/tap.bash
. "$here/../tap.bash"
if [[ -z ${VPCD_PORT-} ]]; then
    type -P cardpeek >/dev/null || skip_all "cardpeek is not installed: apt-get install cardpeek"
    exec "$here/with-pcscd" -- bash "$here/test_cardpeek.sh" "$@"
fi
softuicc=$(readlink -f "${1:?Usage: test_cardpeek.sh SOFTUICC}")
iccid=8988211000000000011
tmp=$(mktemp -d)
card_pid=''
trap 'kill $card_pid 2>/dev/null; rm -rf "$tmp"' EXIT
cd "$tmp" || exit 1

# Without a line to read, it asks for ever: what it says is cut, and its standard input stays open.
peek() { # LUA; standard input: its answers
    HOME=$tmp timeout 30 cardpeek -c -r "pcsc://Virtual PCD 00 00" -e "$1" 2>&1 | head -c 1000000 >peeked
}

"$softuicc" new card.uicc --profile usim --iccid $iccid --imsi 001010123456780 >said 2>&1 || { cat said && exit 1; }
"$softuicc" run card.uicc --host "$VPCD_HOST" --port "$VPCD_PORT" --trace trace 2>log &
card_pid=$!
/usr/bin/python3 - <<'PYTHON'
import time
from smartcard.System import readers
for _ in range(100):
    try:
        readers()[0].createConnection().connect()
        break
    except Exception:
        time.sleep(0.1)
PYTHON
{ printf '1\n1\n' && sleep 2; } | peek 'os.exit(0)' # the first time it makes its folder, and wants to be started again
# ^U and return: no PIN
{ printf '\025\n' && sleep 5; } | peek 'dofile(os.getenv("HOME") .. "/.cardpeek/scripts/gsm (beta).lua") ui.save_view(os.getenv("HOME") .. "/view.xml") ui.exit()'
check "the script reads to its end" grep -q 'Wrote card data' peeked
check "without an error" bash -c '! grep -q "ERROR" peeked'
check "it sees the ICCID" grep -qF "(${iccid:0:2})${iccid:2}" view.xml
check "and the IMSI" grep -q 001010123456780 view.xml
check "$(grep -c -- '-> A0' trace) commands of class A0" test "$(grep -c -- '-> A0' trace)" -gt 200
tap_end
