# SPDX-License-Identifier: Apache-2.0
"""ofono, with its driver for the phonesim simulator, takes softuicc modem for a modem. Runs beside with-modem --bus --personality phonesim."""
import os
import subprocess
import time

import dbus
import dbus.mainloop.glib
import dbus.service
from gi.repository import GLib

from at_client import At, Tap, console, vector, wait_for

dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
DIR, PATH = os.environ["MODEM_DIR"], "/phonesim"
bus = dbus.SystemBus()
loop = GLib.MainContext.default()
tap = Tap()


def interface(name, path=PATH):
    return dbus.Interface(bus.get_object("org.ofono", path), "org.ofono." + name)


def properties(name):
    return interface(name).GetProperties()


def until(what, seconds=15):
    """As wait_for, with signals and an agent's calls served meanwhile."""
    def step():
        while loop.pending():
            loop.iteration(False)
        try:
            return what()
        except dbus.DBusException:
            return None
    return wait_for(step, seconds)


class Agent(dbus.service.Object):
    """The user, for the card's toolkit (org.ofono.SimToolkitAgent)."""

    def __init__(self):
        super().__init__(bus, "/agent")
        self.shown, self.asked = [], []

    @dbus.service.method("org.ofono.SimToolkitAgent", in_signature="syb", out_signature="")
    def DisplayText(self, text, _icon, _urgent):
        self.shown.append(str(text))

    @dbus.service.method("org.ofono.SimToolkitAgent", in_signature="sysyyb", out_signature="s")
    def RequestDigits(self, alpha, _icon, _default, _min, _max, _hide):
        self.asked.append(str(alpha))
        return "42"

    @dbus.service.method("org.ofono.SimToolkitAgent", in_signature="", out_signature="")
    def Cancel(self):
        pass

    @dbus.service.method("org.ofono.SimToolkitAgent", in_signature="", out_signature="")
    def Release(self):
        pass


with open(DIR + "/phonesim.conf", "w", encoding="ascii") as f:
    f.write(f"[phonesim]\nAddress=127.0.0.1\nPort={os.environ['MODEM_PORT']}\n")
log = open(DIR + "/ofono.log", "w", encoding="ascii")
daemon = subprocess.Popen(["ofonod", "-n"], stdout=log, stderr=log,
                          env={**os.environ, "OFONO_PHONESIM_CONFIG": DIR + "/phonesim.conf", "OFONO_AT_DEBUG": "1"})
agent = Agent()

with tap("ofono powers the modem up: a SIM is present, and its PIN wanted"):
    until(lambda: interface("Modem").GetProperties())
    interface("Modem").SetProperty("Powered", dbus.Boolean(True))
    sim = until(lambda: (lambda p: p if p.get("PinRequired") == "pin" and "pin" in p["Retries"] else None)(properties("SimManager")))
    assert sim["Present"] and sim["CardIdentifier"] == os.environ["MODEM_ICCID"], sim
    assert sim["Retries"]["pin"] == 3 and sim["Retries"]["puk"] == 10, sim["Retries"]

with tap("a wrong PIN costs a try, the right one opens the SIM"):
    try:
        interface("SimManager").EnterPin("pin", "9999")
        raise AssertionError("9999 is a PIN")
    except dbus.DBusException:
        pass
    until(lambda: properties("SimManager")["Retries"]["pin"] == 2)
    interface("SimManager").EnterPin("pin", "1234")
    # This driver of ofono 1.31 then waits for a word from the modem that it listens for with other makers' modems only: once more, with the SIM open.
    interface("Modem").SetProperty("Powered", dbus.Boolean(False))
    interface("Modem").SetProperty("Powered", dbus.Boolean(True))

with tap("IMSI, operator's MCC and MNC, languages, ISIM identity"):
    sim = until(lambda: (lambda p: p if "SubscriberIdentity" in p else None)(properties("SimManager")))
    assert sim["SubscriberIdentity"] == os.environ["MODEM_IMSI"], sim
    assert (sim["MobileCountryCode"], sim["MobileNetworkCode"]) == ("001", "01"), sim
    assert sim["PinRequired"] == "none", sim

with tap("model, maker, IMEI"):
    modem = until(lambda: (lambda p: p if "Serial" in p else None)(properties("Modem")))
    assert modem["Manufacturer"] == "softuicc" and len(modem["Serial"]) == 15, modem

with tap("AKA by UmtsAuthenticate: RES, CK and IK of the authentication centre"):
    # org.ofono.USimApplication, by +CCHO and +CGLA
    until(lambda: "org.ofono.SimAuthentication" in properties("Modem")["Interfaces"])
    apps = until(lambda: interface("SimAuthentication").GetApplications())
    path = next(p for p, a in apps.items() if a["Type"] == "Umts")
    v = vector()
    said = interface("USimApplication", path).UmtsAuthenticate(dbus.ByteArray(v["RAND"]), dbus.ByteArray(v["AUTN"]))
    assert {k: bytes(b) for k, b in said.items() if k != "Kc"} == {"RES": v["XRES"], "CK": v["CK"], "IK": v["IK"]}, "not these"

with tap("AKA again with the same vector: resynchronisation, AUTS"):
    said = interface("USimApplication", path).UmtsAuthenticate(dbus.ByteArray(v["RAND"]), dbus.ByteArray(v["AUTN"]))
    assert list(said) == ["AUTS"] and len(said["AUTS"]) == 14, list(said)

with tap("AKA with a forged challenge fails"):
    try:
        interface("USimApplication", path).UmtsAuthenticate(dbus.ByteArray(v["RAND"]), dbus.ByteArray(bytes(16)))
        raise AssertionError("accepted")
    except dbus.DBusException:
        pass

with tap("EAP-SIM's GSM triplets by GsmAuthenticate"):
    said = interface("USimApplication", path).GsmAuthenticate([dbus.ByteArray(bytes([i]) * 16) for i in (1, 2)])
    assert len(said) == 2 and all(len(s["SRES"]) == 4 and len(s["Kc"]) == 8 for s in said), said

with tap("online: registered at home"):
    interface("Modem").SetProperty("Online", dbus.Boolean(True))
    net = until(lambda: (lambda p: p if p.get("Status") == "registered" and "MobileCountryCode" in p else None)(properties("NetworkRegistration")))
    assert (net["MobileCountryCode"], net["MobileNetworkCode"]) == ("001", "01"), net

with tap("the card's menu, decoded by ofono"):
    stk = interface("SimToolkit")
    stk.RegisterAgent("/agent")
    menu = until(lambda: (lambda p: p if len(p["MainMenu"]) == 3 else None)(stk.GetProperties()))
    assert [str(item[0]) for item in menu["MainMenu"]] == ["Balance", "Top up", "IMEI"], menu

with tap("an item selected: the card shows a text"):
    stk.SelectItem(dbus.Byte(0), dbus.ObjectPath("/agent"))
    until(lambda: agent.shown == ["You have 5 EUR"])

with tap("another: the card asks for digits, and shows what it was told"):
    until(lambda: stk.SelectItem(dbus.Byte(1), dbus.ObjectPath("/agent")) is None)
    until(lambda: agent.asked == ["Amount?"])
    until(lambda: agent.shown[1:] == ["Charged: 42"])

with tap("a third: the card runs an AT command, and shows its answer"):
    until(lambda: stk.SelectItem(dbus.Byte(2), dbus.ObjectPath("/agent")) is None)
    until(lambda: agent.shown[2:] == ["IMEI " + str(modem["Serial"])])

with tap("a message comes in, acknowledged (+CMT, +CNMA)"):
    got = []
    bus.add_signal_receiver(lambda text, info: got.append((str(text), str(info["Sender"]))), "IncomingMessage",
                            "org.ofono.MessageManager")
    until(lambda: properties("MessageManager").get("ServiceCenterAddress") == "+00101000001")
    console("sms 040B911326880736F400001101112122220402C834 +4917")
    until(lambda: got == [("Hi", "+31628870634")])
    with open(os.environ["MODEM_LOG"], encoding="ascii") as events:
        wait_for(lambda: '"event":"sms report"' in events.read())

with tap("a message is sent"):
    interface("MessageManager").SendMessage("+491234", "Grüße")
    with open(os.environ["MODEM_LOG"], encoding="ascii") as events:
        until(lambda: '"event":"sms out"' in events.read())

with tap("USSD"):
    console('ussd *100# "5 EUR"')
    kind, text = until(lambda: interface("SupplementaryServices").Initiate("*100#"))
    assert (kind, text) == ("USSD", "5 EUR"), (kind, text)

with tap("numbers of the SIM's phonebook"):
    at = At(os.environ["MODEM_PTY"])
    at.expect("ATE0", "OK")
    at.expect('AT+CPBW=1,"+4912345",145,"Anna"', "OK")
    at.close()
    vcards = str(interface("Phonebook").Import())
    assert "FN:Anna" in vcards and "+4912345" in vcards, vcards

with tap("the PIN's lock taken off, and power off"):
    interface("SimManager").UnlockPin("pin", "1234")
    until(lambda: "pin" not in properties("SimManager")["LockedPins"])
    interface("Modem").SetProperty("Online", dbus.Boolean(False))
    interface("Modem").SetProperty("Powered", dbus.Boolean(False))

daemon.terminate()
daemon.wait()
tap.end(DIR + "/ofono.log")
