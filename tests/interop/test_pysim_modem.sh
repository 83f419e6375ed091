#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_pysim_modem.sh SOFTUICC: pySim reads the card through softuicc modem, as through any modem that has +CSIM: its library (test_pysim_modem.py), and pySim-read.
# (pySim-shell of that time wants an ATR, which its modem transport has not.) $PYSIM is its checkout; what it needs of Python that Debian has not must be in $PYTHONPATH.
# TAP on standard output; a plan of none says why it cannot be tried here.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/tap.bash
. "$here/../tap.bash"
python=/usr/bin/python3
export PYTHONDONTWRITEBYTECODE=1
if [[ -z ${MODEM_PTY-} ]]; then
    [[ -n ${PYSIM-} ]] || skip_all "PYSIM does not name a checkout of pySim"
    "$python" -c 'import serial' 2>/dev/null || skip_all "python3-serial is not installed"
    wrong=$(cd "$PYSIM" && "$python" pySim-read.py --help 2>&1 >/dev/null | tail -n 1)
    [[ -z $wrong ]] || skip_all "pySim does not start: $wrong"
    export PYSIM
    exec "$here/with-modem" --tap "${1:?Usage: test_pysim_modem.sh SOFTUICC}" bash "$here/test_pysim_modem.sh" "$@"
fi

cd "$PYSIM" || exit 1
PYTHONPATH=${PYTHONPATH-}:$here "$python" "$here/test_pysim_modem.py" >"$MODEM_DIR/tap" || tap_bad=1
tap_n=$(grep -c '^\(not \)\?ok ' "$MODEM_DIR/tap")
grep -v '^1\.\.' "$MODEM_DIR/tap"

said=$MODEM_DIR/said
timeout 120 "$python" pySim-read.py --modem-device "$MODEM_PTY" >"$said" 2>&1 &&
    grep -q "^ICCID: $MODEM_ICCID" "$said" && grep -q "^IMSI: $MODEM_IMSI" "$said" && grep -q '^Done !' "$said"
verdict $? "pySim-read, to its end" "$said"
tap_end
