"""terminal.py KEYS COMMAND...: runs COMMAND on a terminal of its own and types KEYS when it prints "ready".

KEYS: text with Python escapes (\\x03 is Ctrl-C). Prints what came from the terminal, then "exit CODE" on a line of its own.
"""
import codecs
import os
import pty
import sys

keys = codecs.decode(sys.argv[1], "unicode_escape").encode("latin-1")
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
screen = b""
while True:
    try:
        some = os.read(terminal, 65536)
    except OSError:
        break
    if not some:
        break
    typed = b"ready" in screen
    screen += some
    if not typed and b"ready" in screen:
        os.write(terminal, keys)
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
sys.stdout.buffer.write(screen)
sys.stdout.buffer.write(b"\nexit %d\n" % status)
