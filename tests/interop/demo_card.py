#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An independent look at the card for tools/demo: pyscard and nothing of ours.

    demo_card.py await                  waits for a card, prints its ATR
    demo_card.py identity               prints ICCID and IMSI
    demo_card.py authenticate RAND AUTN prints "ok RES CK IK", "resync AUTS" or "refused SW"
    demo_card.py apdu HEX...            prints "SW DATA" for each, followed up as T=0 wants it
    demo_card.py torn HEX...            likewise, but does not fetch what the last one answers
    demo_card.py gone                   waits until no reader has a card
"""
import sys
import time

from smartcard import scard
from smartcard.CardConnection import CardConnection
from smartcard.Exceptions import CardConnectionException, NoCardException
from smartcard.System import readers

PATIENCE = 10  # seconds


def connect():
    """The card in the only reader that has one; it may take a moment to be there."""
    end = time.monotonic() + PATIENCE
    while True:
        for reader in readers():
            connection = reader.createConnection()
            try:
                connection.connect(CardConnection.T0_protocol, disposition=scard.SCARD_UNPOWER_CARD)
                return connection
            except (NoCardException, CardConnectionException):
                pass
        if time.monotonic() > end:
            sys.exit("demo_card.py: no card in any reader")
        time.sleep(0.05)


def wait_until_gone():
    """Until pcscd itself has noticed: it looks some times a second, and misses a card that is back before it looked."""
    end = time.monotonic() + PATIENCE
    _, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_SYSTEM)
    while True:
        _, names = scard.SCardListReaders(context, [])
        known = [(name, scard.SCARD_STATE_UNAWARE) for name in names]
        _, states = scard.SCardGetStatusChange(context, 0, known)
        if not any(state & scard.SCARD_STATE_PRESENT for _, state, _ in states):
            break
        if time.monotonic() > end:
            sys.exit("demo_card.py: a reader still has a card")
        time.sleep(0.05)
    scard.SCardReleaseContext(context)


def once(card, command):
    data, sw1, sw2 = card.transmit(command, CardConnection.T0_protocol)
    return bytes(data), sw1, sw2


def send(card, command):
    """A command whole: what 61xx and 6Cxx announce is fetched."""
    command = list(command)
    data, sw1, sw2 = once(card, command)
    if sw1 == 0x6C:
        data, sw1, sw2 = once(card, command[:4] + [sw2])
    while sw1 == 0x61:
        more, sw1, sw2 = once(card, [0x00, 0xC0, 0x00, 0x00, sw2])
        data += more
    return data, sw1 << 8 | sw2


def demand(card, text):
    data, sw = send(card, bytes.fromhex(text))
    if sw != 0x9000 and sw >> 8 != 0x91:
        sys.exit(f"demo_card.py: {text}: {sw:04X}")
    return data


def select_usim(card):
    demand(card, "00A4040407A0000000871002")


def swapped(octets):
    return "".join(f"{octet & 15:X}{octet >> 4:X}" for octet in octets)


def identity(card):
    demand(card, "00A40004023F00")
    demand(card, "00A40004022FE2")
    iccid = swapped(demand(card, "00B000000A")).rstrip("F")
    select_usim(card)
    demand(card, "00A40004026F07")
    imsi = demand(card, "00B0000009")
    return iccid, swapped(imsi[1 : 1 + imsi[0]])[1:].rstrip("F")


def authenticate(card, rand, autn):
    select_usim(card)
    challenge = bytes([16]) + bytes.fromhex(rand) + bytes([16]) + bytes.fromhex(autn)
    data, sw = send(card, bytes.fromhex("00880081") + bytes([len(challenge)]) + challenge)
    if sw != 0x9000 or not data:
        return f"refused {sw:04X}"
    fields, rest = [], data[1:]
    while rest:
        fields.append(rest[1 : 1 + rest[0]].hex())
        rest = rest[1 + rest[0] :]
    if data[0] == 0xDB:
        return "ok " + " ".join(fields[:3])
    if data[0] == 0xDC:
        return "resync " + fields[0]
    return f"refused {data.hex()}"


def main(words):
    verb, *rest = words
    if verb == "gone":
        wait_until_gone()
        return
    card = connect()
    if verb == "await":
        print(bytes(card.getATR()).hex().upper())
    elif verb == "identity":
        print(*identity(card))
    elif verb == "authenticate":
        print(authenticate(card, *rest))
    elif verb == "apdu":
        for command in rest:
            data, sw = send(card, bytes.fromhex(command))
            print(f"{sw:04X}", data.hex().upper())
    elif verb == "torn":
        for command in rest[:-1]:
            send(card, bytes.fromhex(command))
        once(card, list(bytes.fromhex(rest[-1])))
    else:
        sys.exit(__doc__)
    card.disconnect()


if __name__ == "__main__":
    main(sys.argv[1:])
