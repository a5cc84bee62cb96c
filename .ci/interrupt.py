"""Runs a command, waits for a line that begins with a word, runs the shell script on its own standard
input with the address that the line ends with, and interrupts the command, which has to end with
the code that is expected.

    interrupt.py CODE WORD COMMAND...
"""

import os
import signal
import subprocess
import sys

# Whatever hangs.
signal.alarm(600)
code, word, command = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
script = "" if sys.stdin.isatty() else sys.stdin.read()
# A session of its own, for `cargo run` is between: as with Ctrl-C, the signal goes to all of it.
process = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, start_new_session=True)
try:
    line = next((line for line in process.stdout if line.startswith(word)), None)
    if line is None:
        sys.exit(f"it has not said {word!r}")
    print(line, end="", flush=True)
    if script:
        environment = os.environ | {"address": line.split()[-1]}
        subprocess.run(["bash", "-euo", "pipefail", "-c", script], env=environment, check=True)
    os.killpg(process.pid, signal.SIGINT)
    for line in process.stdout:
        print(line, end="")
    if process.wait(60) != code:
        sys.exit(f"it has ended with {process.returncode}, not {code}")
finally:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
