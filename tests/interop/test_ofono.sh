#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_ofono.sh SOFTUICC MENU: ofono takes softuicc modem for a modem, and the card's applet MENU (tests/unit/menu_applet.c, a shared object) for a SIM toolkit
# application (test_ofono.py). TAP; a plan of none says why it cannot be tried here.
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/tap.bash
. "$here/../tap.bash"
PATH=$PATH:/usr/sbin:/sbin
type -P ofonod >/dev/null || skip_all "ofono is not installed"
/usr/bin/python3 -c 'import dbus, gi' 2>/dev/null || skip_all "python3-dbus or python3-gi is not installed"
export PYTHONDONTWRITEBYTECODE=1
exec "$here/with-modem" --tap --bus --pin --personality phonesim --applet "${2:?Usage: test_ofono.sh SOFTUICC MENU}" "$1" /usr/bin/python3 "$here/test_ofono.py"
