"""`python -m rivulet` is the command `rivulet`."""

import sys

from rivulet.cli import main

if __name__ == "__main__":
    sys.exit(main())
