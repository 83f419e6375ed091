#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_transcripts.sh SOFTUICC TRANSCRIPT...: the transcripts that tests/transcripts/replay plays in process, once more through pcscd, by a client that is not ours; each
# in a new card. TAP on standard output; exit code 77: cannot be tried here.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/tap.bash
. "$here/../tap.bash"
if [[ -z ${VPCD_PORT-} ]]; then
    exec "$here/with-pcscd" -- bash "$here/test_transcripts.sh" "$@"
fi
softuicc=$(readlink -f "${1:?Usage: test_transcripts.sh SOFTUICC TRANSCRIPT...}")
shift
/usr/bin/python3 -c 'import smartcard' 2>/dev/null ||
    skip_all "pyscard is not installed: apt-get install python3-pyscard"

tmp=$(mktemp -d)
card_pid=''
trap 'kill $card_pid 2>/dev/null; rm -rf "$tmp"' EXIT
for transcript; do
    rm -f "$tmp"/card.uicc*
    profile=$(sed -n 's/^#.*built-in profile `\([a-z0-9]*\)`.*/\1/p' "$transcript" | head -n 1) # its head says what card it is for
    "$softuicc" new "$tmp/card.uicc" --profile "${profile:-test}" --imsi 001010123456780 >"$tmp/said" 2>&1 || { cat "$tmp/said" && exit 1; }
    "$softuicc" run "$tmp/card.uicc" --host "$VPCD_HOST" --port "$VPCD_PORT" 2>"$tmp/log" &
    card_pid=$!
    timeout 60 /usr/bin/python3 "$here/replay.py" "$transcript" >"$tmp/said" 2>&1
    verdict $? "$(basename "$transcript" .apdu): $(tail -n 1 "$tmp/said")" "$tmp/said" "$tmp/log"
    kill $card_pid
    wait $card_pid 2>/dev/null
    sleep 0.3 # pcscd looks some times a second: it must see that the card left
done
tap_end
