"""A command line that stays: reads arguments, a JSON list a line, runs each, answers with JSON.

    python shell.py     on any release; it ends, and nothing else does, when its input ends

So that many commands of the older release do not each take the second that Python takes to start.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys

from govchaind.cli.main import main

if __name__ == "__main__":
    answers = sys.stdout
    for line in sys.stdin:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            code = main(json.loads(line))
        answers.write(json.dumps([code, printed.getvalue()]) + "\n")
        answers.flush()
