"""Whether anything that was answered is lost when processes are killed with kill -9 under load.

`python -m benchmarks.crashes [sqlite|redis ...] [ROUNDS]` runs 50 rounds of each case: one of two
workers is killed, all processes of the fake, or Redis itself, with its file flushed each second or
always. After each round the store is read again: each generation, charge, credit and control
command that was answered is there once, and the money adds up. It exits with 1 where one is not.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.store.crash_rounds import CASES, run_rounds

ROUNDS: Final = 50


def main() -> int:
    """Run the rounds of the cases that are asked for, and return the exit status."""
    words = sys.argv[1:]
    rounds = next((int(each) for each in words if each.isdigit()), ROUNDS)
    kinds = [each for each in words if not each.isdigit()] or ["sqlite", "redis"]
    wrong = []
    for case in CASES:
        if case.startswith(tuple(kinds)):
            with tempfile.TemporaryDirectory() as folder:
                wrong += run_rounds(case, rounds, Path(folder))
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
