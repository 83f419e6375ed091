# SPDX-License-Identifier: Apache-2.0
"""pySim's own library (transport/modem_atcmd.py, commands.py) at a card in softuicc modem. Runs beside with-modem, in a checkout of pySim."""
import argparse
import os
import sys
import time

sys.path.insert(0, os.getcwd())
from pySim.commands import SimCardCommands  # noqa: E402
from pySim.transport.modem_atcmd import ModemATCommandLink  # noqa: E402

from at_client import Tap, vector  # noqa: E402

tap = Tap()
card = None

with tap("the transport takes it for a modem: AT, ATZ, AT+CSIM=?"):
    link = ModemATCommandLink(argparse.Namespace(modem_dev=os.environ["MODEM_PTY"], modem_baud=115200))
    time.sleep(0.2)
    card = SimCardCommands(link)
    card.cla_byte, card.sel_ctrl = "00", "0004"

with tap("EF.ICCID"):
    data, sw = card.read_binary(["3f00", "2fe2"])
    swapped = "".join(b + a for a, b in zip(data[::2], data[1::2])).rstrip("f")
    assert sw == "9000" and swapped == os.environ["MODEM_ICCID"], swapped

with tap("EF.DIR, record by record"):
    data, sw = card.read_record(["3f00", "2f00"], 1)
    assert sw == "9000" and "a0000000871002" in data, data

with tap("the USIM by its AID, EF.IMSI"):
    card.select_adf("a0000000871002")
    data, sw = card.read_binary(["6f07"])
    swapped = "".join(b + a for a, b in zip(data[2::2], data[3::2]))[1:]
    assert swapped == os.environ["MODEM_IMSI"], swapped

with tap("a record of EF.ADN written and read"):
    entry = b"pySim".hex() + "ff" * 9 + "048118f0ff" + "ff" * 9
    card.update_record(["3f00", "7f10", "6f3a"], 1, entry)
    data, sw = card.read_record(["3f00", "7f10", "6f3a"], 1)
    assert data == entry, data

with tap("PIN1: enabled, verified, disabled"):
    assert card.enable_chv(1, b"1234")[1] == "9000"
    assert card.verify_chv(1, b"1234")[1] == "9000"
    assert card.disable_chv(1, b"1234")[1] == "9000"

with tap("AUTHENTICATE: RES, CK and IK of the authentication centre"):
    card.select_adf("a0000000871002")
    v = vector()
    rand, autn = v["RAND"].hex(), v["AUTN"].hex()
    data, sw = card.authenticate(rand, autn, "3g")
    assert sw == "9000" and data["successful_3g_authentication"]["res"] == v["XRES"].hex(), data
    assert data["successful_3g_authentication"]["ck"] == v["CK"].hex(), data

tap.end()
