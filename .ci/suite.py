"""Runs tests that have been built, as many executables at a time as there are processors:
suite.py LABEL EXECUTABLES SKIPPED [COMMAND...].

They make their files in a directory of their own, which has to be empty in the end. EXECUTABLES has a line for each, name and path with a tab between; SKIPPED a test in each line,
`name::test`. COMMAND is what runs an executable. Tells how each ended, what those that failed said,
and in the end how many tests passed. Heavy tests, which are marked as ignored, are run elsewhere."""

import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed

label, executables, skipped, *command = sys.argv[1:]
executables = [line.rstrip("\n").split("\t") for line in open(executables)]
skipped = open(skipped).read().split()
place = tempfile.mkdtemp()
os.chmod(place, 0o1777)


def run(name, path):
    words = command + [path, "--exact"]
    for test in skipped:
        if test.startswith(name + "::"):
            words += ["--skip", test.removeprefix(name + "::")]
    for _ in range(2):
        try:
            done = subprocess.run(
                words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=os.environ | {"TMPDIR": place},
                timeout=900,
            )
        except subprocess.TimeoutExpired as expired:
            return None, (expired.stdout or b"").decode(errors="replace") + "\nit did not end"
        output = done.stdout.decode(errors="replace").replace("\r", "")
        # Wine's server has closed the connection: no test has failed, for none has run to its end.
        if not output.startswith("wine client error"):
            break
    summary = re.search(r"^test result: ok\. (\d+) passed; 0 failed; \d+ ignored", output, re.M)
    return (int(summary[1]) if summary and done.returncode == 0 else None), output


def timed(name, path):
    begin = time.monotonic()
    return *run(name, path), time.monotonic() - begin


began = time.monotonic()
passed = 0
failed = []
with ThreadPoolExecutor(os.cpu_count()) as pool:
    runs = {pool.submit(timed, name, path): name for name, path in executables}
    for done in as_completed(runs):
        count, output, seconds = done.result()
        print(f"{label}: {runs[done]}: {'FAILED' if count is None else f'{count} passed'} in {seconds:.1f} s", flush=True)
        if count is None:
            failed.append((runs[done], output))
        else:
            passed += count
for name, output in failed:
    print(f"--- {label}: {name}\n{output}", file=sys.stderr)
# ThreadSanitizer has files of its own there, and leaves those of processes that are killed.
left = [name for name in os.listdir(place) if not name.startswith("tsan.rodata.")]
if left:
    sys.exit(f"{label}: left by the tests: {' '.join(left)}")
shutil.rmtree(place)
if failed or passed == 0:
    sys.exit(f"{label}: failed: {' '.join(name for name, _ in failed)}")
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(f"{label}: {passed} tests passed, {len(skipped)} skipped, "
      f"{used.ru_utime + used.ru_stime:.0f} s of processors in {time.monotonic() - began:.0f} s")
