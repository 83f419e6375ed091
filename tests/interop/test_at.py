# SPDX-License-Identifier: Apache-2.0
"""The pty and the port of softuicc modem: peers that come, go, are slow, or are many. Runs beside with-modem."""
import os
import signal
import stat
import time

from at_client import At, Tap, console, wait_for

PTY, PORT, LOG = os.environ["MODEM_PTY"], int(os.environ["MODEM_PORT"]), os.environ["MODEM_LOG"]
MESSAGE = "040B911326880736F400001101112122220402C834"  # "Hi" from +31628870634
tap = Tap()

with tap("the pty answers, and the link leads to it"):
    assert stat.S_ISLNK(os.lstat(PTY).st_mode)
    at = At(PTY)
    at.expect("ATE0", "OK")
    at.expect("AT+CIMI", os.environ["MODEM_IMSI"], "OK")
    at.expect("AT+CMEE=2;+FOO", "ERROR")
    at.close()

witness = At(PORT)  # who gets an answer knows that the modem has seen what happened before
witness.expect("ATE0", "OK")

with tap("hung up and opened again: the settings of a fresh modem"):
    for _ in range(3):
        at = At(PTY)
        at.expect("AT+CMEE?", "+CMEE: 0", "OK")
        at.expect("AT+CMEE=1", "OK")
        at.write(b"AT+CM")  # half a command is forgotten
        at.close()
        witness.expect("AT", "OK")

with tap("a message is shown to who has the pty open, be he silent, and kept while nobody has"):
    at = At(PTY)
    at.expect("ATE0+CNMI=2,2;&W", "OK")
    at.close()
    witness.expect("AT", "OK")
    console(f"sms {MESSAGE} +4917")
    wait_for(lambda: '+CPMS: "SM",1,' in str(witness.say("AT+CPMS?")))
    at = At(PTY)
    witness.expect("AT", "OK")
    console(f"sms {MESSAGE} +4917")
    at.read([b"\r\n+CMT: ,21\r\n03919471" + MESSAGE.encode() + b"\r\n"])
    at.expect("AT&F&W", "OK")
    at.close()
    witness.expect("AT+CMGD=1", "OK")
witness.close()

with tap("four peers at once, each with settings of its own"):
    peers = [At(PTY)] + [At(PORT) for _ in range(3)]
    for i, peer in enumerate(peers):
        peer.expect("ATE0", "OK")
        peer.expect(f"AT+CMEE={i % 3}", "OK")
    for i, peer in enumerate(peers):
        peer.expect("AT+CMEE?", f"+CMEE: {i % 3}", "OK")

with tap("a message is told to all who want to know"):
    peers[0].expect("AT+CNMI=2,1", "OK")
    peers[2].expect("AT+CNMI=2,1", "OK")
    console(f"sms {MESSAGE} +4917")
    for i in (0, 2):
        peers[i].read([b'\r\n+CMTI: "SM",1\r\n'])
    peers[1].expect("AT+CMGL=4", "+CMGL: 1,0,,21", "03919471" + MESSAGE, "OK")
    peers[3].expect("AT+CMGD=1", "OK")

with tap("a peer that does not read holds up nobody"):
    flood = At(PORT)
    os.set_blocking(flood.fd, False)
    try:
        for _ in range(20000):
            os.write(flood.fd, b"AT+CLAC\r" * 20)
    except BlockingIOError:
        pass
    peers[1].expect("AT", "OK")
    flood.close()
    peers[1].expect("AT", "OK")

with tap("too many are hung up on, and there is room again when some went"):
    more = []
    while len(more) < 12:
        more.append(At(PORT))
        try:
            more[-1].expect("AT", "OK")
        except (AssertionError, OSError):
            break
    assert len(more) == 5, len(more)  # 8 in all, and one that was refused
    for peer in more:
        peer.close()
    time.sleep(0.1)
    peers[1].expect("AT", "OK")
    again = At(PORT)
    again.expect("AT", "OK")
    again.close()

with tap("power: +CFUN=0 is for all"):
    peers[1].expect("AT+CFUN=0", "OK")
    peers[2].expect("AT+CMEE=1;+CIMI", "+CME ERROR: 3")
    peers[2].expect("AT+CFUN=1", "OK")
    wait_for(lambda: "+COPS: 0,0" in str(peers[1].say("AT+COPS?")))

with tap("PINs are in no event"):
    peers[1].expect('AT+CLCK="SC",1,"1234"', "OK")
    peers[1].expect('AT+CFUN=1,1', "OK")
    peers[1].expect('AT+CPIN="1234"', "OK")
    peers[1].expect('AT+CSIM=26,"0020000108' + "31323334FFFFFFFF" + '"', '+CSIM: 4,"9000"', "OK")
    with open(LOG, encoding="ascii") as log:
        text = log.read()
    assert "31323334" not in text and "1234FF" not in text and '"1234"' not in text

with tap("the modem ends: peers are hung up on, the link is gone"):
    os.kill(int(os.environ["MODEM_PID"]), signal.SIGTERM)
    wait_for(lambda: not os.path.lexists(PTY))

tap.end()
