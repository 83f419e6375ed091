#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_at.sh SOFTUICC: peers at the pty and the port of softuicc modem (test_at.py). TAP; a plan of none says why it cannot be tried here.
here=$(cd "$(dirname "$0")" && pwd)
export PYTHONDONTWRITEBYTECODE=1
exec "$here/with-modem" --tap "${1:?Usage: test_at.sh SOFTUICC}" /usr/bin/python3 "$here/test_at.py"
