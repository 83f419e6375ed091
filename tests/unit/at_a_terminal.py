# SPDX-License-Identifier: Apache-2.0
#
# at_a_terminal.py SIGNAL COMMAND...: starts the command at a terminal of its own, waits until it asks for something without echo, sends it the
# signal (INT, QUIT, TERM, HUP), and ends with 0 if the command died of it and left the terminal with its echo.
import fcntl
import os
import pty
import signal
import sys
import termios
import time

number = getattr(signal, "SIG" + sys.argv[1])
ours, theirs = pty.openpty()


def echo():
    return bool(termios.tcgetattr(theirs)[3] & termios.ECHO)


child = os.fork()
if child == 0:
    os.setsid()
    signal.signal(number, signal.SIG_DFL)  # what is started in the background ignores some of them
    fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)
    for fd in range(3):
        os.dup2(theirs, fd)
    os.execv(sys.argv[2], sys.argv[2:])
deadline = time.monotonic() + 30
while echo() and time.monotonic() < deadline:
    time.sleep(0.01)
if echo():
    os.kill(child, signal.SIGKILL)
    sys.exit("it never asked")
os.kill(child, number)
while time.monotonic() < deadline:
    pid, status = os.waitpid(child, os.WNOHANG)
    if pid == child:
        break
    time.sleep(0.01)
else:
    os.kill(child, signal.SIGKILL)
    sys.exit("it did not end")
if not (os.WIFSIGNALED(status) and os.WTERMSIG(status) == number):
    sys.exit(f"it ended with status {status:04x}")
if not echo():
    sys.exit("the terminal has no echo")
