#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Plays a transcript (tools/README.md) to the card in the only reader that has one, through PC/SC with T=0, and nothing of ours.

    replay.py TRANSCRIPT

Exit code 0: every answer was the expected one; 1: some were not, each with a line of its own; 2: the transcript is wrong.
Commands of fewer than four octets are no APDUs: PC/SC does not carry them, so they are passed over.
"""
import re
import sys
import time

from smartcard import scard
from smartcard.CardConnection import CardConnection
from smartcard.Exceptions import CardConnectionException, NoCardException
from smartcard.System import readers

PATIENCE = 10  # seconds


def fail(text):
    sys.exit("replay.py: " + text)


def connect():
    """A cold reset; the card may take a moment to be there."""
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
            fail("no card in any reader")
        time.sleep(0.05)


def statements(path):
    """(line number, kind, digits): kind is one of reset, ATR, > and <."""
    with open(path, encoding="ascii") as lines:
        for number, line in enumerate(lines, 1):
            line = line.split("#", 1)[0].strip()
            if not line:
                continue
            if line.lower() == "reset":
                yield number, "reset", ""
                continue
            match = re.fullmatch(r"(ATR|[<>])?\s*([0-9A-Fa-fxX.:\s]+)", line)
            if not match:
                print(f"{path}:{number}: makes no sense", file=sys.stderr)
                sys.exit(2)
            yield number, match[1] or ">", re.sub(r"[:\s]", "", match[2])


def matches(wanted, got):
    return len(wanted) == len(got) and all(w in ".xX" or w.upper() == g for w, g in zip(wanted, got))


def hexadecimal(octets):
    return bytes(octets).hex().upper()


def main(path):
    card, answer, command = None, None, ""
    wrong = steps = passed_over = 0
    for number, kind, digits in statements(path):
        if kind == "reset" or card is None:
            if card is not None:
                card.disconnect()
            card = connect()
        if kind == "ATR":
            answer, command = hexadecimal(card.getATR()), "reset"
        elif kind == ">":
            command, answer = digits, None
            if len(digits) < 8:
                passed_over += 1
                continue
            data, sw1, sw2 = card.transmit(list(bytes.fromhex(digits)))
            answer = hexadecimal(data + [sw1, sw2])
        if kind in ("<", "ATR") and answer is not None:
            steps += 1
            if not matches(digits, answer):
                wrong += 1
                print(f"{path}:{number}: {command}: {answer}, not {digits}")
    card.disconnect()
    print(f"{steps} steps, {wrong} wrong, {passed_over} passed over")
    sys.exit(wrong > 0)


if len(sys.argv) != 2:
    fail("usage: replay.py TRANSCRIPT")
main(sys.argv[1])
