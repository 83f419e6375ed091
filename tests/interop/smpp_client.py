#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""SMPP by hand, against softuicc smsc: what an ESME may do, and what none should. Usage:

  smpp_client.py PORT hostile            PDUs that are none, from accounts op:secret; TAP-less, says what went wrong
  smpp_client.py PORT twice NUMBER HEX   the same user data twice; prints what is delivered, in hex, one a line
  smpp_client.py PORT receipts NUMBER HEX   the user data with each value of registered_delivery; prints the receipts' texts, or none, a line each
  smpp_client.py PORT sources NUMBER HEX [NAME]   the user data from nobody, from a name and from what is neither, or from NAME alone; prints status and who
                                         gets the answer, a line each
  smpp_client.py PORT crowd NUMBER HEX   the user data many times from two transmitters at once, a receiver that is slow; prints how many receipts it got
  smpp_client.py PORT leaving NUMBER HEX the user data's first octets many times from a transmitter that hangs up then; prints how many answers and receipts came
  smpp_client.py PORT stuck NUMBER HEX   the user data until a receiver that reads nothing holds up a transmitter; then what that can still do
  smpp_client.py 0 terminal SOFTUICC SOCKET   a terminal for an SMSC that it starts: what its user sends to receivers that have room, or have not
  smpp_client.py PORT texts NUMBER       texts of three codings for the user of a terminal; then prints the first that comes, and ends
  smpp_client.py PORT fake [SILENT]      not a client: an SMSC of its own at PORT 0, prints the port; delivers a forged PoR
"""
import select
import socket
import struct
import subprocess
import sys
import time

RESP = 0x80000000
BIND_RX, BIND_TX, SUBMIT, DELIVER, UNBIND, BIND_TRX, ENQUIRE = 1, 2, 4, 5, 6, 9, 0x15


def pdu(command, sequence, body=b"", status=0):
    return struct.pack(">IIII", 16 + len(body), command, status, sequence) + body


def z(text):
    return text.encode() + b"\0"


def bind(name="op", password="secret"):
    return z(name) + z(password) + z("") + bytes([0x34, 0, 0]) + z("")


def message(to, data, esm=0x40, pid=0x7F, coding=0xF6, source="12", registered=0, ton=1):
    return (z("") + bytes([ton, 1]) + z(source) + bytes([1, 1]) + z(to) + bytes([esm, pid, 0]) + z("") + z("") +
            bytes([registered, 0, coding, 0, len(data)]) + data)


class Link:
    def __init__(self, port):
        self.s = socket.create_connection(("127.0.0.1", port), timeout=10)

    def send(self, octets):
        self.s.sendall(octets)

    def take(self, n):
        got = b""
        while len(got) < n:
            more = self.s.recv(n - len(got))
            if not more:
                raise EOFError
            got += more
        return got

    def get(self):
        """command, status, sequence, body; None: the other end hung up"""
        try:
            length, command, status, sequence = struct.unpack(">IIII", self.take(16))
            return command, status, sequence, self.take(length - 16)
        except (EOFError, ConnectionResetError):
            return None

    def ask(self, octets):
        self.send(octets)
        return self.get()

    def bound(self, command=BIND_TRX):
        answer = self.ask(pdu(command, 1, bind()))
        assert answer[:3] == (command | RESP, 0, 1), answer
        return self


def expect(name, got, command, status):
    if got is None or got[0] != command or got[1] != status:
        print("%s: %s, wanted command %08X, status %02X" % (
            name, "hung up" if got is None else "command %08X, status %02X" % got[:2], command, status))
        return False
    return True


def hostile(port):
    good = True
    some = bytes.fromhex("027000") + bytes(20)
    # Before the bind
    for command, body in ((SUBMIT, message("1", some)), (UNBIND, b"")):
        good &= expect("before bind %d" % command, Link(port).ask(pdu(command, 1, body)), command | RESP, 4)
    good &= expect("enquire_link before bind", Link(port).ask(pdu(ENQUIRE, 1)), ENQUIRE | RESP, 0)
    # Wrong names and passwords: the same answer, and the end
    for name, password in (("op", "wrong"), ("nobody", "secret"), ("", ""), ("op", "secrets"), ("op", "secre")):
        link = Link(port)
        good &= expect("password %s" % password, link.ask(pdu(BIND_TRX, 1, bind(name, password))),
                       BIND_TRX | RESP, 0x0E)
        if link.get() is not None:
            print("password %s: not hung up" % password)
            good = False
    # Lengths: of the PDU ...
    for length in (0, 4, 15, 0x7FFFFFFF, 0xFFFFFFFF, 4096):
        link = Link(port)
        good &= expect("length %X" % length, link.ask(struct.pack(">IIII", length, ENQUIRE, 0, 1)), RESP, 2)
        if link.get() is not None:
            print("length %X: not hung up" % length)
            good = False
    # ... and of what is in it
    link = Link(port).bound()
    good &= expect("bound already", link.ask(pdu(BIND_TRX, 2, bind())), BIND_TRX | RESP, 5)
    body = message("8900101000000000019", some)
    for n in range(len(body)):
        answer = link.ask(pdu(SUBMIT, 3, body[:n]))
        if answer is None or answer[0] != SUBMIT | RESP or answer[1] == 0 or answer[2] != 3:
            print("cut at %d: %r" % (n, answer))
            good = False
    good &= expect("sm_length 255", link.ask(pdu(SUBMIT, 4, message("1", b"")[:-1] + b"\xff" + bytes(255))),
                   SUBMIT | RESP, 1)
    good &= expect("241 octets", link.ask(pdu(SUBMIT, 4, message("1", bytes(141)))), SUBMIT | RESP, 1)
    good &= expect("optional parameter cut", link.ask(pdu(SUBMIT, 4, body + b"\x04\x24\x00")), SUBMIT | RESP, 0xC0)
    many = b"".join(b"\x14\x00\x00\x04abcd" for _ in range(150))
    good &= expect("so many optional parameters, for nobody",
                   link.ask(pdu(SUBMIT, 4, message("999", some) + many)), SUBMIT | RESP, 0x0B)
    # Not for a card; for no card; unknown commands
    good &= expect("7-bit text", link.ask(pdu(SUBMIT, 5, message("1", some, coding=0))), SUBMIT | RESP, 0x45)
    good &= expect("for the phone", link.ask(pdu(SUBMIT, 5, message("1", some, pid=0))), SUBMIT | RESP, 0x45)
    good &= expect("for nobody", link.ask(pdu(SUBMIT, 5, message("424242", some))), SUBMIT | RESP, 0x0B)
    good &= expect("for nobody at all", link.ask(pdu(SUBMIT, 5, message("", some))), SUBMIT | RESP, 0x0B)
    good &= expect("from who would paint the screen", link.ask(pdu(SUBMIT, 5, message("1", some, source="\x1b[31m"))), SUBMIT | RESP, 0x0A)
    good &= expect("from a name that is too long", link.ask(pdu(SUBMIT, 5, message("1", some, source="twelve chars", ton=5))), SUBMIT | RESP, 0x0A)
    good &= expect("from nobody, to nobody", link.ask(pdu(SUBMIT, 5, message("1", some, source=""))), SUBMIT | RESP, 0x0B)
    for command in (3, 7, 8, 0x21, 0x103, 0x1234, 0x7FFFFFFF, DELIVER):
        body = message("1", some) if command == DELIVER else b""
        good &= expect("command %X" % command, link.ask(pdu(command, 6, body)), RESP, 3)
    for command in (0x80000004, 0x80001234, 0x80000000):  # answers to nothing are no matter
        link.send(pdu(command, 7))
    good &= expect("still there", link.ask(pdu(ENQUIRE, 8)), ENQUIRE | RESP, 0)
    receiver = Link(port).bound(BIND_RX)
    good &= expect("a receiver submits", receiver.ask(pdu(SUBMIT, 2, message("1", some))), SUBMIT | RESP, 4)
    # Octet by octet, and then half of one
    slow = Link(port).bound()
    for octet in pdu(ENQUIRE, 9):
        slow.send(bytes([octet]))
    good &= expect("octet by octet", slow.get(), ENQUIRE | RESP, 0)
    slow.send(pdu(ENQUIRE, 9)[:7])
    # More than anybody reads: the other sessions go on
    flood = Link(port).bound()
    flood.s.settimeout(2)
    try:
        for _ in range(60000):
            flood.send(pdu(ENQUIRE, 10) * 20)
    except socket.timeout:
        pass
    good &= expect("while another floods", link.ask(pdu(ENQUIRE, 11)), ENQUIRE | RESP, 0)
    # More sessions than there are
    crowd = [socket.create_connection(("127.0.0.1", port)) for _ in range(100)]
    good &= expect("in a crowd", link.ask(pdu(ENQUIRE, 12)), ENQUIRE | RESP, 0)
    for one in crowd:
        one.close()
    flood.s.close()
    good &= expect("unbind", link.ask(pdu(UNBIND, 13)), UNBIND | RESP, 0)
    if link.get() is not None:
        print("unbind: not hung up")
        good = False
    return good


def twice(port, to, data):
    link = Link(port).bound()
    for sequence in (2, 3):
        link.send(pdu(SUBMIT, sequence, message(to, data)))
        taken = delivered = False
        while not (taken and delivered):
            command, status, got, body = link.get()
            if command == SUBMIT | RESP:
                assert (status, got) == (0, sequence), (status, got)
                taken = True
            elif command == DELIVER:
                delivered = True
                print(user_data(body).hex().upper())
                link.send(pdu(DELIVER | RESP, got, b"\0"))


def receipts(port, to, data):
    """What comes between a message's answer and that of the enquire_link behind it."""
    link = Link(port).bound()
    for registered in range(4):
        link.send(pdu(SUBMIT, 2, message(to, data, registered=registered)) + pdu(ENQUIRE, 3))
        got, number = "none", ""
        while True:
            command, status, sequence, body = link.get()
            if command == ENQUIRE | RESP:
                break
            if command == SUBMIT | RESP:
                assert status == 0, status
                number = body[:-1].decode()
            elif command == DELIVER:
                link.send(pdu(DELIVER | RESP, sequence, b"\0"))
                if esm_class(body) == 0x04:
                    got = user_data(body).decode().replace("id:" + number, "id:OURS")
        print(registered, got)


def sources(port, to, data, name=None):
    link = Link(port).bound()
    for source, ton in ((name, 5), ) if name else (("", 0), ("softuicc", 5), ("softuicc", 1)):
        link.send(pdu(SUBMIT, 2, message(to, data, source=source, ton=ton)) + pdu(ENQUIRE, 3))
        got = []
        while True:
            command, status, sequence, body = link.get()
            if command == ENQUIRE | RESP:
                break
            if command == SUBMIT | RESP:
                got.append("%02X" % status)
            elif command == DELIVER:
                link.send(pdu(DELIVER | RESP, sequence, b"\0"))
                rest = body[body.index(0) + 3:]
                rest = rest[rest.index(0) + 1:]
                got.append("%d:%s" % (rest[0], rest[2:rest.index(0, 2)].decode()))
        print(*got)


def small_receiver(port):
    receiver = Link.__new__(Link)
    receiver.s = socket.socket()
    receiver.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    receiver.s.settimeout(10)
    receiver.s.connect(("127.0.0.1", port))
    return receiver.bound(BIND_RX)


def until_heard(receiver, submit):
    """The TCP of the one that reads nothing may have taken some more."""
    for _ in range(20000):
        assert submit() == 0
        if select.select([receiver.s], [], [], 0)[0]:
            break
    assert receiver.get()[0] == DELIVER


def stuck(port, to, data):
    """A receiver that reads nothing is waited for a while, and then not."""
    receiver = small_receiver(port)
    sender = Link(port).bound(BIND_TX)
    for n in range(2, 20000):
        began = time.monotonic()
        answer = sender.ask(pdu(SUBMIT, n, message(to, data, registered=1)))
        if answer[:3] != (SUBMIT | RESP, 0, n):
            break
    print("%02X after %s" % (answer[1], "some seconds" if time.monotonic() - began > 3 else "no time"))
    print("enquire_link %02X" % sender.ask(pdu(ENQUIRE, n))[1])
    other = Link(port).bound(BIND_RX)
    until_heard(other, lambda: sender.ask(pdu(SUBMIT, n, message(to, data, registered=1)))[1])
    print("another receiver hears the next")
    print("unbind %02X" % sender.ask(pdu(UNBIND, n))[1])
    receiver.s.close()


def terminal(softuicc, path):
    """Each message is answered at once: 0, 38 (nobody receives), or 42 (who does has no room)."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(path)
    listener.listen(1)
    smsc = subprocess.Popen([softuicc, "smsc", "--modem", path, "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE)
    try:
        modem, _ = listener.accept()
        modem.settimeout(2)
        modem.send(b"CARD 8988211000000000011 001010123456780")
        port = int(smsc.stdout.readline().split(b",")[0].rsplit(b":", 1)[1])

        def submit(n):
            modem.send(b"SUBMIT %d +123 010005812143f50004a0" % n + b"41" * 160)
            words = modem.recv(1024).split()
            assert words[:2] == [b"TAKEN", b"%d" % n], words
            return int(words[2])

        print(submit(1), "without receivers")
        slow = small_receiver(port)
        print(submit(2), "with one")
        for n in range(3, 60000):
            cause = submit(n)
            if cause != 0:
                break
        print(cause, "without room")
        other = Link(port).bound(BIND_RX)
        until_heard(other, lambda: submit(n))
        slow.s.close()
        print(submit(n + 1), "with another one")
        assert other.get()[0] == DELIVER
    finally:
        smsc.terminate()
        smsc.wait()


def leaving(port, to, data):
    """So many short messages that the SMSC's buffer for them has more receipts than the receiver's has room: it sees the end before it has served them."""
    many = 540
    receiver, sender = Link(port).bound(BIND_RX), Link(port).bound(BIND_TX)
    sender.send(b"".join(pdu(SUBMIT, n, message(to, data[:4], registered=1)) for n in range(2, many + 2)))
    sender.s.shutdown(socket.SHUT_WR)
    answers = receipts = 0
    while sender.get() is not None:
        answers += 1
    receiver.send(pdu(ENQUIRE, 2))
    while receiver.get()[0] == DELIVER:
        receipts += 1
    print("%d answers, %d receipts" % (answers, receipts))


def crowd(port, to, data):
    """Answers go to the receiver alone, which reads nothing before all has been sent."""
    each = 800
    receiver = small_receiver(port)
    senders = [Link(port).bound(BIND_TX) for _ in range(2)]
    for link in senders:
        link.send(b"".join(pdu(SUBMIT, n, message(to, data, registered=1)) for n in range(2, each + 2)))
    time.sleep(1)
    count = 0
    while count < 2 * each:
        got = receiver.get()
        if got is None:
            print("the receiver was hung up after %d receipts" % count)
            return
        if got[0] == DELIVER:
            count += esm_class(got[3]) == 0x04
    for link in senders:
        for n in range(2, each + 2):
            answer = link.get()
            assert answer[:3] == (SUBMIT | RESP, 0, n), answer
    print(count, "receipts")


def esm_class(body):
    rest = body[body.index(0) + 3:]
    rest = rest[rest.index(0) + 3:]
    return rest[rest.index(0) + 1]


def user_data(body):
    """of a deliver_sm: after service_type, addresses, the fixed octets, two empty times, sm_length"""
    rest = body[body.index(0) + 3:]
    rest = rest[rest.index(0) + 3:]
    rest = rest[rest.index(0) + 1:]
    return rest[10:10 + rest[9]]


def texts(port, to):
    link = Link(port).bound()
    for sequence, (coding, text) in enumerate(((0, b"seven bits"), (4, bytes(range(8))), (8, "\u20ac 5".encode("utf-16-be"))), 2):
        answer = link.ask(pdu(SUBMIT, sequence, message(to, text, esm=0, pid=0, coding=coding, source="4711")))
        assert answer[:3] == (SUBMIT | RESP, 0, sequence), answer
    print("sent", flush=True)
    command, _, sequence, body = link.get()
    assert command == DELIVER, command
    link.send(pdu(DELIVER | RESP, sequence, b"\0"))
    print(user_data(body).decode())


def fake(silent):
    """An SMSC that is none: takes anything, asks whether the link is there, and delivers what nobody signed."""
    server = socket.create_server(("127.0.0.1", 0))
    print(server.getsockname()[1], flush=True)
    link = Link.__new__(Link)
    link.s, _ = server.accept()
    link.s.settimeout(30)
    asked = False
    while True:
        got = link.get()
        if got is None:
            sys.exit(0 if asked else 1)
        command, _, sequence, _ = got
        if command == BIND_TRX:
            link.send(pdu(command | RESP, sequence, z("fake") + bytes.fromhex("0210000134")))
        elif command == SUBMIT:
            answer = link.ask(pdu(ENQUIRE, 77))
            asked = answer is not None and answer[:3] == (ENQUIRE | RESP, 0, 77)
            link.send(pdu(command | RESP, sequence, z("x1")))
            if not silent:
                forged = bytes.fromhex("027100000E0AB00001" + "00" * 5 + "0001" + "019000")
                receipt = message("12", b"id:x1 stat:DELIVRD", esm=4)
                link.send(pdu(DELIVER, 1, receipt) + pdu(DELIVER, 2, message("12", forged)) + pdu(0x103, 3))
        elif command == UNBIND:
            link.send(pdu(command | RESP, sequence))


if __name__ == "__main__":
    where, what = int(sys.argv[1]), sys.argv[2]
    if what == "hostile":
        sys.exit(0 if hostile(where) else 1)
    elif what == "twice":
        twice(where, sys.argv[3], bytes.fromhex(sys.argv[4]))
    elif what == "receipts":
        receipts(where, sys.argv[3], bytes.fromhex(sys.argv[4]))
    elif what in ("sources", "crowd", "stuck", "leaving"):
        {"sources": sources, "crowd": crowd, "stuck": stuck, "leaving": leaving}[what](where, sys.argv[3], bytes.fromhex(sys.argv[4]), *sys.argv[5:])
    elif what == "terminal":
        terminal(sys.argv[3], sys.argv[4])
    elif what == "texts":
        texts(where, sys.argv[3])
    else:
        fake(len(sys.argv) > 3)
