"""`python -m local …` on any Python: makes the environments where they are missing, then hands over to them."""

import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
DEV = os.path.join(os.path.dirname(HERE), ".local", "venvs", "dev")

if os.path.realpath(sys.prefix) != os.path.realpath(DEV):
    refused = subprocess.call([sys.executable, os.path.join(HERE, "bootstrap.py")])
    if refused:
        sys.exit(refused)
    python = os.path.join(DEV, "bin", "python")
    os.execv(python, [python, "-m", "local"] + sys.argv[1:])

from local.commands import main

main()
