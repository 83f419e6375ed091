#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Asks a running osmo-hlr for authentication vectors, as an MSC does: GSUP (its manual, chapter GSUP) in IPA frames.

    osmo_hlr.py IMSI [AUTS RAND]    one line a vector: RAND AUTN RES CK IK, in hex
"""
import socket
import sys

IPA_CCM, IPA_OSMO, OSMO_GSUP = 0xFE, 0xEE, 0x05
ID_GET, ID_RESP, PING, PONG = 0x04, 0x05, 0x00, 0x01
AUTH_INFO_REQUEST, AUTH_INFO_RESULT = 0x08, 0x0A
IMSI, TUPLE, RAND, IK, CK, AUTN, AUTS, RES = 0x01, 0x03, 0x20, 0x23, 0x24, 0x25, 0x26, 0x27


class Link:
    def __init__(self, request):
        self.request = request
        self.socket = socket.create_connection(("127.0.0.1", 4222), timeout=10)

    def octets(self, n):
        data = b""
        while len(data) < n:
            more = self.socket.recv(n - len(data))
            if not more:
                sys.exit("osmo_hlr.py: the connection ended")
            data += more
        return data

    def send(self, protocol, payload):
        self.socket.sendall(len(payload).to_bytes(2, "big") + bytes([protocol]) + payload)

    def receive(self):
        """The next GSUP message; the link's own ones are answered."""
        while True:
            head = self.octets(3)
            payload = self.octets(int.from_bytes(head[:2], "big"))
            if head[2] == IPA_CCM and payload[0] == ID_GET:
                tags = {0x08: b"0/0/0\0", 0x01: b"test-msc\0", 0x00: b"test-msc\0"}  # unit, its name, serial number
                self.send(IPA_CCM, bytes([ID_RESP]) + b"".join(
                    (len(value) + 1).to_bytes(2, "big") + bytes([tag]) + value for tag, value in tags.items()))
                self.send(IPA_OSMO, bytes([OSMO_GSUP]) + self.request)
            elif head[2] == IPA_CCM and payload[0] == PING:
                self.send(IPA_CCM, bytes([PONG]))
            elif head[2] == IPA_OSMO and payload[0] == OSMO_GSUP:
                return payload[1:]


def elements(data):
    at = 0
    while at + 2 <= len(data):
        yield data[at], data[at + 2:at + 2 + data[at + 1]]
        at += 2 + data[at + 1]


def bcd(digits):
    padded = digits + "F" * (len(digits) % 2)
    return bytes(int(padded[i + 1] + padded[i], 16) for i in range(0, len(padded), 2))


def main(imsi, auts="", rand=""):
    def element(tag, value):
        return bytes([tag, len(value)]) + value

    request = bytes([AUTH_INFO_REQUEST]) + element(IMSI, bcd(imsi))
    if auts:
        request += element(AUTS, bytes.fromhex(auts)) + element(RAND, bytes.fromhex(rand))
    answer = Link(request).receive()
    if answer[0] != AUTH_INFO_RESULT:
        sys.exit(f"osmo_hlr.py: refused: {answer.hex()}")
    for tag, value in elements(answer[1:]):
        if tag == TUPLE:
            vector = dict(elements(value))
            print(*(vector[t].hex() for t in (RAND, AUTN, RES, CK, IK)))


if __name__ == "__main__":
    main(*sys.argv[1:])
