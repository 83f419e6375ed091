#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_modemmanager.sh SOFTUICC: ModemManager takes softuicc modem for a modem (test_modemmanager.py). TAP; a plan of none says why it cannot be tried here.
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/tap.bash
. "$here/../tap.bash"
PATH=$PATH:/usr/sbin:/sbin
type -P ModemManager >/dev/null || skip_all "ModemManager is not installed"
ModemManager --help 2>/dev/null | grep -q -- --test-enable || skip_all "this ModemManager was built without its test interface"
/usr/bin/python3 -c 'import dbus' 2>/dev/null || skip_all "python3-dbus is not installed"
export PYTHONDONTWRITEBYTECODE=1
exec "$here/with-modem" --tap --bus --pin "${1:?Usage: test_modemmanager.sh SOFTUICC}" /usr/bin/python3 "$here/test_modemmanager.py"
