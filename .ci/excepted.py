"""Compares the tests of two platforms: excepted.py HERE THERE EXCEPTIONS.

HERE and THERE are lists of tests, `binary::test` in each line. EXCEPTIONS has a line for what is
not run there: a pattern and, after white space, the reason; `*` stands for anything. A pattern that
begins with `skip ` names tests that there are and that cannot pass. Fails if a test is missing
without a reason, or if a line names nothing (any more). Writes the names to skip."""

import fnmatch
import sys

here, there, path = sys.argv[1:]
here = set(open(here).read().split())
there = set(open(there).read().split())
missing = here - there
bad = []
for number, line in enumerate(open(path), 1):
    line = line.strip()
    if not line or line.startswith("#"):
        continue
    skip = line.startswith("skip ")
    words = line.removeprefix("skip ").split(maxsplit=1)
    if len(words) < 2:
        bad.append(f"{path}:{number}: without a reason: {line}")
        continue
    named = set(fnmatch.filter(there if skip else missing, words[0]))
    if not named:
        bad.append(f"{path}:{number}: names no test: {line}")
    if skip:
        print(*sorted(named), sep="\n")
    else:
        missing -= named
        print(f"not there: {len(named):3} {words[0]}: {words[1]}", file=sys.stderr)
bad += [f"no reason why it is not there: {name}" for name in sorted(missing)]
print(f"here {len(here)}, there {len(there)}, only there {len(there - here)}", file=sys.stderr)
if bad:
    sys.exit("\n".join(bad))
