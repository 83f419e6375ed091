#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A card that answers an order in a way no honest card does: a stranger in vpcd's reader, to see that softuicc change
believes nothing. Usage: hostile_card.py MANNER [PORT]"""
import socket
import struct
import sys
import time

ICCID = bytes.fromhex("988812010000400310F0")  # 8988211000000430010
OTHER_ICCID = bytes.fromhex("988812010000400320F8")
IMSI = bytes.fromhex("080910101032547608")
ATR = bytes.fromhex("3B6400006576696C")
HEADER = bytes.fromhex("027100")
TAR = bytes.fromhex("BFFF3B")

# An answer without protection: RPL, RHL, TAR, CNTR, PCNTR, status (TS 102 225 5.2), and what it claims
def plain(status, data=b"", cntr=bytes(5)):
    rest = b"\x0a" + TAR + cntr + b"\x00" + bytes([status]) + data
    return HEADER + struct.pack(">H", len(rest)) + rest


OBEYED = bytes.fromhex("029000E206800101810102")
ANSWERS = {
    "plain-failure": plain(1),
    "plain-obeyed": plain(0, OBEYED),
    "forged": HEADER + bytes.fromhex("002412") + TAR + bytes(range(32)),
    "short": HEADER + bytes.fromhex("0028"),
    "noise": bytes.fromhex("A5" * 40),
    "long": bytes.fromhex("027100") + bytes(250),
}


class Card:
    def __init__(self, manner):
        self.manner = manner
        self.pending = b""
        self.file = b""

    def command(self, apdu):
        ins = apdu[1] if len(apdu) > 3 else 0
        if ins == 0xA4:
            name = apdu[5:]
            self.file = {b"\x2f\xe2": OTHER_ICCID if self.manner == "other-card" else ICCID, b"\x6f\x07": IMSI}.get(name, b"")
            if self.manner == "no-iccid" and name == b"\x2f\xe2":
                return b"\x6a\x82"
            return b"\x90\x00"
        if ins == 0xB0:
            return self.file[: apdu[4]] + b"\x90\x00"
        if ins == 0x10:
            return b"\x6f\x00" if self.manner == "no-profile" else b"\x91\x0b" if self.manner == "wishes" else b"\x90\x00"
        if ins == 0x12:
            return bytes.fromhex("D009810301050082028182") + b"\x90\x00"
        if ins == 0x14:
            return b"\x91\x0b"
        if ins == 0xC2:
            return self.envelope()
        if ins == 0xC0:
            if self.manner == "for-ever":
                return b"\xaa\x61\x01"
            return self.pending + b"\x90\x00"
        return b"\x6d\x00"

    def envelope(self):
        if self.manner == "leaves":
            raise ConnectionError
        if self.manner == "for-ever":
            return b"\x61\x01"
        if self.manner in ANSWERS:
            self.pending = ANSWERS[self.manner]
            return bytes([0x61, len(self.pending)])
        return {"silent": b"\x90\x00", "busy": b"\x93\x00", "error": b"\x6f\x00", "half": b"\x61"}[self.manner]


def serve(card, port):
    link = socket.create_connection(("127.0.0.1", port))
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def octets(n):
        got = b""
        while len(got) < n:
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            more = link.recv(n - len(got))
            if not more:
                raise ConnectionError
            got += more
        return got

    def reply(answer):
        link.sendall(struct.pack(">H", len(answer)) + answer)

    while True:
        message = octets(struct.unpack(">H", octets(2))[0])
        if message == b"\x04":
            reply(b"" if card.manner == "mute" else ATR)
        elif len(message) > 1:
            reply(card.command(message))


def main():
    port = int(sys.argv[2]) if len(sys.argv) > 2 else 35963
    for _ in range(100):
        try:
            serve(Card(sys.argv[1]), port)
        except ConnectionRefusedError:
            time.sleep(0.05)
        except ConnectionError:
            return


main()
