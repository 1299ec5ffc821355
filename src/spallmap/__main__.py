"""The commands as ``python -m spallmap``."""

import sys

from spallmap.cli import main

if __name__ == "__main__":
    sys.exit(main())
