"""`python -m cornershop`."""

import sys

from cornershop.cli import main

if __name__ == "__main__":
    sys.exit(main())
