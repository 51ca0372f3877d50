"""``python -m mainstay.faces.demo DIRECTORY SMTP_PORT HTTP_PORT``: the mailbox."""

import sys
from pathlib import Path

from mainstay.faces.demo.mailbox import main

main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
