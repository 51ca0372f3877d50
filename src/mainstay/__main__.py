"""``python -m mainstay``."""

from mainstay.faces.cli.main import main

main()
