# SPDX-License-Identifier: Apache-2.0
"""ModemManager takes softuicc modem for a modem of no special make. Runs beside with-modem --bus.

ModemManager uses ports that udev announces, and a pty is none. Its test interface (--test-enable, SetProfile) gives it ports by name: UNIX sockets in the abstract
namespace. So a socket of that name leads to the modem's TCP port here; plug-in "generic", everything else as with a device.
"""
import os
import socket
import subprocess
import threading

import dbus

from at_client import At, Tap, console, wait_for

DIR, PORT, NAME = os.environ["MODEM_DIR"], int(os.environ["MODEM_PORT"]), "abstract:softuicc"
MM, ROOT = "org.freedesktop.ModemManager1", "/org/freedesktop/ModemManager1"
UNLOCK = {1: "none", 2: "sim-pin", 3: "sim-pin2", 4: "sim-puk", 5: "sim-puk2"}
LOCKED, DISABLED, REGISTERED = 2, 3, 8
tap = Tap()
bus = dbus.SessionBus()


def pump(a, b):
    try:
        while True:
            octets = a.recv(65536)
            if not octets:
                break
            b.sendall(octets)
    except OSError:
        pass
    for s in (a, b):
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def bridge():
    listener = socket.socket(socket.AF_UNIX)
    listener.bind("\0" + NAME)
    listener.listen(4)
    while True:
        client, _ = listener.accept()
        modem = socket.create_connection(("127.0.0.1", PORT))
        for pair in ((client, modem), (modem, client)):
            threading.Thread(target=pump, args=pair, daemon=True).start()


def obj(path, name):
    return dbus.Interface(bus.get_object(MM, path), name)


def get(path, interface, name):
    return obj(path, "org.freedesktop.DBus.Properties").Get(interface, name)


def until(what, seconds=30):
    def step():
        try:
            return what()
        except dbus.DBusException:
            return None
    return wait_for(step, seconds)


def modem(name):
    return get(MODEM, MM + ".Modem", name)


threading.Thread(target=bridge, daemon=True).start()
log = open(DIR + "/mm.log", "w", encoding="ascii")
daemon = subprocess.Popen(["ModemManager", "--test-session", "--test-enable", "--test-no-udev", "--test-no-suspend-resume", "--no-auto-scan",
                           "--log-level=DEBUG"], stdout=log, stderr=log)
MODEM = None

with tap("ModemManager takes the port, and finds a modem"):
    until(lambda: bus.name_has_owner(MM))
    obj(ROOT, MM + ".Test").SetProfile("softuicc", "generic", [NAME])
    MODEM = until(lambda: next(iter(obj(ROOT, "org.freedesktop.DBus.ObjectManager").GetManagedObjects()), None))
    assert modem("Manufacturer") == "softuicc" and modem("Plugin") == "generic", modem("Manufacturer")

with tap("it is locked by the PIN; retries of PINs and PUKs"):
    until(lambda: modem("State") == LOCKED)
    assert UNLOCK[modem("UnlockRequired")] == "sim-pin"
    retries = {UNLOCK[k]: int(v) for k, v in modem("UnlockRetries").items() if k in UNLOCK}
    assert retries == {"sim-pin": 3, "sim-puk": 10, "sim-pin2": 3, "sim-puk2": 10}, retries
    SIM = modem("Sim")

with tap("a wrong PIN costs a try"):
    try:
        obj(SIM, MM + ".Sim").SendPin("9999")
        raise AssertionError("9999 is a PIN")
    except dbus.DBusException:
        pass
    until(lambda: modem("UnlockRetries")[2] == 2)

with tap("the right one opens it: disabled, not locked"):
    obj(SIM, MM + ".Sim").SendPin("1234")
    until(lambda: modem("State") == DISABLED)
    SIM = modem("Sim")

with tap("IMSI, ICCID, operator"):
    assert get(SIM, MM + ".Sim", "Imsi") == os.environ["MODEM_IMSI"]
    assert get(SIM, MM + ".Sim", "SimIdentifier") == os.environ["MODEM_ICCID"]
    assert get(SIM, MM + ".Sim", "OperatorIdentifier") == "00101"

with tap("IMEI, capabilities"):
    assert len(modem("EquipmentIdentifier")) == 15
    assert get(MODEM, MM + ".Modem.Modem3gpp", "Imei") == modem("EquipmentIdentifier")
    assert get(MODEM, MM + ".Modem.Modem3gpp", "EnabledFacilityLocks") & 1, "SIM lock"

with tap("enabled: registered at home, operator's name, signal"):
    obj(MODEM, MM + ".Modem").Enable(True)
    until(lambda: modem("State") == REGISTERED)
    assert get(MODEM, MM + ".Modem.Modem3gpp", "OperatorCode") == "00101"
    assert get(MODEM, MM + ".Modem.Modem3gpp", "OperatorName") == "Home"
    assert get(MODEM, MM + ".Modem.Modem3gpp", "RegistrationState") == 1
    until(lambda: modem("SignalQuality")[0] == 100)

with tap("networks in the air"):
    found = obj(MODEM, MM + ".Modem.Modem3gpp").Scan(timeout=60)
    assert [(str(n["operator-code"]), int(n["status"])) for n in found] == [("00101", 2)], found

with tap("a message comes in, and is read"):
    console("sms 040B911326880736F400001101112122220402C834 +4917")
    messages = until(lambda: obj(MODEM, MM + ".Modem.Messaging").List())
    until(lambda: get(messages[0], MM + ".Sms", "State") == 3)
    assert (get(messages[0], MM + ".Sms", "Number"), get(messages[0], MM + ".Sms", "Text")) == ("+31628870634", "Hi")
    obj(MODEM, MM + ".Modem.Messaging").Delete(messages[0])

with tap("a message of two parts is sent"):
    path = obj(MODEM, MM + ".Modem.Messaging").Create({"number": "+491234", "text": "über " * 40})
    obj(path, MM + ".Sms").Send()
    with open(os.environ["MODEM_LOG"], encoding="ascii") as events:
        assert events.read().count('"event":"sms out"') == 2

with tap("USSD"):
    console('ussd *100# "5 EUR"')
    assert until(lambda: obj(MODEM, MM + ".Modem.Modem3gpp.Ussd").Initiate("*100#")) == "5 EUR"

with tap("PIN changed, lock taken off"):
    obj(SIM, MM + ".Sim").ChangePin("1234", "4321")
    obj(SIM, MM + ".Sim").EnablePin("4321", False)
    at = At(os.environ["MODEM_PTY"])
    at.expect("ATE0", "OK")
    at.expect('AT+CLCK="SC",2', "+CLCK: 0", "OK")
    at.close()

with tap("a connection is refused: there is no packet data network"):
    try:
        obj(MODEM, MM + ".Modem.Simple").Connect({"apn": "internet"}, timeout=60)
        raise AssertionError("connected")
    except dbus.DBusException:
        pass

with tap("disabled again"):
    obj(MODEM, MM + ".Modem").Enable(False, timeout=60)
    until(lambda: modem("State") == DISABLED)

daemon.terminate()
daemon.wait()
tap.end(DIR + "/mm.log")
