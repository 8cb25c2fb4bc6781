"""The suites of the world, the API and the control surface, with their fakes on durable stores.

Minutes for each store, so CI does not run them: `python -m tests.store.suites [sqlite|redis ...]`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

SUITES: Final = (
    "tests/world/test_workspaces_lifecycle.py",
    "tests/api/test_videos.py",
    "tests/api/test_images.py",
    "tests/api/test_billing.py",
    "tests/api/test_limits.py",
    "tests/api/test_magic.py",
    "tests/api/test_recording.py",
    "tests/control",
)
"""What holds in memory holds in every store: the same answers, the same state."""


def main() -> None:
    """Run the suites on each store that is named; ends with the first status that is not 0."""
    for kind in sys.argv[1:] or ("sqlite", "redis"):
        sys.stdout.write(f"{kind}\n")
        sys.stdout.flush()
        done = subprocess.run(  # noqa: S603 - this interpreter
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *SUITES],
            cwd=Path(__file__).parents[2],
            env=os.environ | {"TEST_STORE": kind},
            check=False,
        )
        if done.returncode:
            sys.exit(done.returncode)


if __name__ == "__main__":
    main()
