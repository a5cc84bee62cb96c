"""Names the executables that cargo has built: reads its messages (`--message-format=json`) and
writes a line for each, the target's name and the path with a tab between. Of tests, or with the
argument `example` of examples."""

import json
import sys

kind = sys.argv[1] if len(sys.argv) > 1 else "test"
for line in sys.stdin:
    message = json.loads(line)
    path = message.get("executable")
    if not path:
        continue
    is_test = message["profile"]["test"]
    is_example = "example" in message["target"]["kind"]
    if is_test if kind == "test" else is_example and not is_test:
        print(message["target"]["name"], path, sep="\t")
