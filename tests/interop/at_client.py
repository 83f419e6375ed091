# SPDX-License-Identifier: Apache-2.0
"""What the tests of softuicc modem share: TAP, AT commands at its pty or port, statements for its console."""
import os
import select
import socket
import subprocess
import sys
import time
import traceback


class Tap:
    """One line of TAP a case: `with tap("text"):` fails when its body raises."""

    def __init__(self):
        self.number = self.bad = 0

    def __call__(self, text):
        self.text = text
        return self

    def __enter__(self):
        return self

    def __exit__(self, kind, value, where):
        self.number += 1
        if kind is None:
            print(f"ok {self.number} - {self.text}", flush=True)
            return True
        if not issubclass(kind, Exception):
            return False
        self.bad += 1
        print(f"not ok {self.number} - {self.text}")
        for line in "".join(traceback.format_exception(kind, value, where)).splitlines()[-12:]:
            print("#", line)
        sys.stdout.flush()
        return True

    def end(self, log=None):
        """The plan; the end of a log, if something failed."""
        if self.bad and log is not None:
            with open(log, encoding="utf-8", errors="replace") as f:
                for line in f.readlines()[-60:]:
                    print("#", line.rstrip())
        print(f"1..{self.number}", flush=True)
        sys.exit(self.bad > 0)


class At:
    """A peer: opens the pty (a path) or the port (a number)."""

    def __init__(self, where):
        if isinstance(where, int):
            self.sock = socket.create_connection(("127.0.0.1", where))
            self.fd = self.sock.fileno()
        else:
            self.sock = None
            self.fd = os.open(where, os.O_RDWR | os.O_NOCTTY)

    def close(self):
        if self.sock is not None:
            self.sock.close()
        else:
            os.close(self.fd)

    def write(self, octets):
        while octets:
            octets = octets[os.write(self.fd, octets):]

    def read(self, until, seconds=5):
        """All that comes, up to one of these texts."""
        said, end = b"", time.monotonic() + seconds
        while not any(u in said for u in until):
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                raise AssertionError(f"no {until} but {said}")
            more = os.read(self.fd, 65536)
            if not more:
                raise AssertionError(f"hung up after {said}")
            said += more
        return said.decode("latin-1")

    def say(self, line, seconds=5):
        """A command line; the lines of its answer, the final result code last."""
        self.write(line.encode("latin-1") + b"\r")
        said = self.read([b"\r\nOK\r\n", b"ERROR\r\n", b"ERROR: ", b"\r\nNO CARRIER\r\n", b"\r\n> "], seconds)
        if "ERROR: " in said and not said.endswith("\r\n"):
            said += self.read([b"\r\n"], seconds)
        return [part for part in said.split("\r\n") if part]

    def expect(self, line, *answer):
        got = self.say(line)
        if got and got[0] == line + "\r":
            got = got[1:]
        assert got == list(answer), f"{line}: {got}"


def console(statement):
    """A statement of a scenario for the modem (softuicc(1), SCENARIOS)."""
    with open(os.environ["MODEM_CONSOLE"], "w", encoding="ascii") as f:
        f.write(statement + "\n")


def vector():
    """RAND, AUTN, XRES, CK, IK of the modem's subscriber, from softuicc auc."""
    said = subprocess.run([os.environ["SOFTUICC"], "auc", "vector", "--db", os.environ["MODEM_DIR"] + "/auc.db", "--imsi",
                           os.environ["MODEM_IMSI"]], check=True, capture_output=True, text=True).stdout
    words = [line.split() for line in said.splitlines()]
    return {w[0]: bytes.fromhex(w[1]) for w in words if w and w[0] in ("RAND", "AUTN", "XRES", "CK", "IK")}


def wait_for(what, seconds=10):
    """Calls until it gives something true, and gives that."""
    end = time.monotonic() + seconds
    while True:
        got = what()
        if got:
            return got
        if time.monotonic() > end:
            raise AssertionError("waited in vain")
        time.sleep(0.05)
