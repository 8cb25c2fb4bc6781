"""`python -m getimg_mock` is the command getimg-mock."""

import sys

from getimg_mock.cli import main

sys.exit(main())
