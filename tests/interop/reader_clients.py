# SPDX-License-Identifier: Apache-2.0
"""reader_clients.py WHAT [ARGUMENT...]: clients of cards in pcscd's readers, several at a time, and rude ones; for test_clients.sh."""
import os
import socket
import struct
import sys
import time

from smartcard import scard

T0 = scard.SCARD_PROTOCOL_T0


def good(rv, what):
    assert rv == scard.SCARD_S_SUCCESS, "%s: %s" % (what, scard.SCardGetErrorMessage(rv))


class Card:
    def __init__(self, reader, share=scard.SCARD_SHARE_SHARED, seconds=10):
        rv, self.context = scard.SCardEstablishContext(scard.SCARD_SCOPE_USER)
        good(rv, "context")
        self.reader = reader
        until = time.monotonic() + seconds
        while True:
            rv, self.card, _ = scard.SCardConnect(self.context, reader, share, T0)
            if rv == scard.SCARD_S_SUCCESS or time.monotonic() > until or rv == scard.SCARD_E_SHARING_VIOLATION:
                break
            time.sleep(0.1)
        self.connected = rv

    def transmit(self, command):
        rv, answer = scard.SCardTransmit(self.card, T0, list(bytes.fromhex(command)))
        return rv, bytes(answer)

    def apdu(self, command):
        rv, answer = self.transmit(command)
        good(rv, command)
        if answer[-2] == 0x61:
            rv, answer = self.transmit("00C00000%02X" % answer[-1])
            good(rv, "GET RESPONSE")
        return answer

    def iccid(self):
        self.apdu("00A40004023F00")
        self.apdu("00A40004022FE2")
        data = self.apdu("00B000000A")
        assert data[-2:] == b"\x90\x00", data.hex()
        return "".join("%x%x" % (octet & 15, octet >> 4) for octet in data[:-2]).rstrip("f")

    def reconnect(self, initialization):
        rv, _ = scard.SCardReconnect(self.card, scard.SCARD_SHARE_SHARED, T0, initialization)
        return rv

    def leave(self, disposition=scard.SCARD_LEAVE_CARD):
        scard.SCardDisconnect(self.card, disposition)
        scard.SCardReleaseContext(self.context)


def slots(*pairs):
    """Every reader has the card that belongs in it; all at the same time, each in a process of its own."""
    children = []
    for pair in pairs:
        reader, _, iccid = pair.rpartition("=")
        pid = os.fork()
        if pid == 0:
            card = Card(reader)
            good(card.connected, reader)
            for _ in range(50):
                if card.iccid() != iccid:
                    os._exit(1)
            card.leave()
            os._exit(0)
        children.append(pid)
    assert all(os.waitpid(pid, 0)[1] == 0 for pid in children), "a card is in a wrong reader"


def together(reader, clients, rounds):
    """Several clients, one card: transactions keep their conversations apart."""
    children = []
    for nth in range(int(clients)):
        pid = os.fork()
        if pid == 0:
            card = Card(reader)
            good(card.connected, reader)
            fid, begins = ("2FE2", b"\x98\x88") if nth % 2 else ("2F05", b"en")
            for _ in range(int(rounds)):
                good(scard.SCardBeginTransaction(card.card), "begin")
                card.apdu("00A40004023F00")
                card.apdu("00A4000402" + fid)
                answer = card.apdu("00B000000A")
                good(scard.SCardEndTransaction(card.card, scard.SCARD_LEAVE_CARD), "end")
                if answer[-2:] != b"\x90\x00" or not answer.startswith(begins):
                    os._exit(1)
            card.leave()
            os._exit(0)
        children.append(pid)
    assert all(os.waitpid(pid, 0)[1] == 0 for pid in children), "one client's file was another's"


def exclusive(reader):
    """Who has it alone has it alone; then it is free again."""
    mine = Card(reader, scard.SCARD_SHARE_EXCLUSIVE)
    good(mine.connected, "exclusive")
    other = Card(reader)
    assert other.connected == scard.SCARD_E_SHARING_VIOLATION, other.connected
    mine.iccid()
    mine.leave()
    other = Card(reader)
    good(other.connected, "after")
    other.iccid()
    other.leave()


def hold(reader):
    """Has the card to itself until standard input ends."""
    mine = Card(reader, scard.SCARD_SHARE_EXCLUSIVE)
    good(mine.connected, "exclusive")
    print("held", flush=True)
    sys.stdin.read()
    mine.leave()


def reset(reader):
    """A reset between a command and its GET RESPONSE, by another client: what waited is gone, and so is what was selected and verified."""
    first, second = Card(reader), Card(reader)
    good(first.connected, "first")
    good(second.connected, "second")
    first.apdu("00A40004023F00")
    assert first.apdu("002000010831323334FFFFFFFF")[-2:] in (b"\x90\x00", b"\x69\x84")
    rv, answer = first.transmit("00A40004022FE2")
    assert rv == scard.SCARD_S_SUCCESS and answer[0] == 0x61
    good(second.reconnect(scard.SCARD_RESET_CARD), "reset")
    rv, _ = first.transmit("00C00000%02X" % answer[1])
    assert rv == scard.SCARD_W_RESET_CARD, "not told of the reset: %X" % (rv & 0xFFFFFFFF)
    good(first.reconnect(scard.SCARD_LEAVE_CARD), "reconnect")
    assert first.apdu("00C00000%02X" % answer[1])[-2:] == b"\x6f\x00"
    assert first.apdu("00B000000A")[-2:] == b"\x69\x86"
    first.iccid()
    for _ in range(30):  # and again and again, power and all
        good(second.reconnect(scard.SCARD_UNPOWER_CARD), "power")
        second.iccid()
    first.leave()
    second.leave()


def stopped(reader, pcscd_pid):
    """pcscd is killed while a client has a card: the client is told, and no worse."""
    card = Card(reader)
    good(card.connected, reader)
    card.iccid()
    os.kill(int(pcscd_pid), 9)
    time.sleep(0.3)
    rv, _ = card.transmit("00A40004023F00")
    assert rv != scard.SCARD_S_SUCCESS


def read(reader, iccid):
    card = Card(reader)
    good(card.connected, reader)
    assert card.iccid() == iccid
    card.leave()


# ---- a driver that does what no driver does ----

class Driver:
    """The other end of `softuicc run`: what vpcd would be."""

    def __init__(self, port):
        self.server = socket.socket()
        self.server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.server.bind(("127.0.0.1", port))
        self.server.listen(1)
        self.server.settimeout(10)
        self.peer = None

    def insert(self):
        self.peer, _ = self.server.accept()
        self.peer.settimeout(5)

    def send(self, octets):
        self.peer.sendall(struct.pack(">H", len(octets)) + octets)

    def receive(self):
        n = struct.unpack(">H", self.exactly(2))[0]
        return self.exactly(n)

    def exactly(self, n):
        octets = b""
        while len(octets) < n:
            more = self.peer.recv(n - len(octets))
            assert more, "the card hung up"
            octets += more
        return octets

    def power(self):
        self.send(b"\x01")
        self.send(b"\x04")
        assert self.receive()[0] == 0x3B

    def apdu(self, command):
        self.send(bytes.fromhex(command))
        return self.receive()

    def quiet(self):
        self.peer.settimeout(0.3)
        try:
            octets = self.peer.recv(100)
            raise AssertionError("unasked: %s" % octets.hex())
        except socket.timeout:
            self.peer.settimeout(5)


def rude(port):
    """Frames cut anywhere, resets between the octets of a command, connections closed in it, answers never read."""
    driver = Driver(int(port))
    driver.insert()
    driver.power()
    select, frame = bytes.fromhex("00A40004023F00"), struct.pack(">H", 7) + bytes.fromhex("00A40004023F00")
    for octet in frame:  # octet by octet
        driver.peer.sendall(bytes([octet]))
        time.sleep(0.005)
    assert driver.receive()[0] == 0x61
    for _ in range(3):  # a reset right behind a command: both happen, in that order
        driver.peer.sendall(frame + b"\x00\x01\x02" + b"\x00\x01\x04")
        assert driver.receive()[0] == 0x61
        assert driver.receive()[0] == 0x3B
        assert driver.apdu("00C0000010") == b"\x6f\x00"  # what waited for GET RESPONSE is gone
    for cut in range(len(frame)):  # the connection ends inside a frame: that command never was
        driver.peer.sendall(frame[:cut])
        driver.peer.close()
        driver.insert()
        driver.power()
        assert driver.apdu("80F2000C")[-2:] == b"\x90\x00"
        driver.quiet()
    # closed with an answer under way, and with many commands queued
    driver.peer.sendall(frame * 200)
    driver.peer.close()
    driver.insert()
    driver.power()
    assert driver.apdu("00B000000A") == b"\x69\x86"  # nothing selected: it is a fresh power-up
    # 200 commands in one piece, all answered, in order
    driver.peer.sendall(frame * 200)
    for _ in range(200):
        assert driver.receive()[0] == 0x61
    # power off between command and GET RESPONSE, then a command without power
    assert driver.apdu(select.hex())[0] == 0x61
    driver.send(b"\x00")
    assert driver.apdu("00C0000010")[-2:] != b"\x90\x00"
    driver.power()
    assert driver.apdu("80F2000C")[-2:] == b"\x90\x00"
    # an empty frame, and one of the greatest length
    driver.send(b"")
    driver.quiet()
    assert len(driver.apdu("00" * 65535)) >= 2
    assert driver.apdu("80F2000C")[-2:] == b"\x90\x00"
    driver.peer.close()


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
