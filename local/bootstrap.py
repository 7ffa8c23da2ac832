"""Finds a working Python 3.11-3.13 and lets it make the environments; runs on any Python, however old."""

import sys

del sys.path[0]  # this folder, where operator.py would pass for the standard library's

import os
import subprocess

# Plain statements only: a Python too old for the project must still be able to say so.
ASK = (
    "import sys\n"
    "del sys.path[0]\n"
    "ok = (3, 11) <= sys.version_info[:2] <= (3, 13)\n"
    "try:\n"
    "    import ensurepip, venv\n"
    "except ImportError:\n"
    "    sys.exit(4 if ok else 3)\n"
    "print(getattr(sys, '_base_executable', None) or sys.executable)\n"
    "sys.exit(0 if ok else 3)\n"
)

wanted = os.environ.get("PYTHON")
candidates = [wanted] if wanted else ["python3.13", "python3.12", "python3.11", "python3", "python", sys.executable]
found = ""
without_venv = ""

for candidate in candidates:
    try:
        asked = subprocess.Popen([candidate, "-c", ASK], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    except OSError:
        continue
    answer = asked.communicate()[0].decode().strip()
    # A shim of a version manager may exist and still fail; only an answer counts.
    if asked.returncode == 0 and answer:
        found = answer
        break
    if asked.returncode == 4:
        without_venv = candidate

if not found:
    if wanted:
        sys.stderr.write(
            "PYTHON=%s is not a working Python 3.11, 3.12 or 3.13 with its venv module; name another one.\n" % wanted
        )
    elif without_venv:
        sys.stderr.write(
            "%s has no venv module; install it (on Debian and Ubuntu: apt install python3-venv) and run this again.\n"
            % without_venv
        )
    else:
        sys.stderr.write(
            "No working Python 3.11, 3.12 or 3.13 was found (this is %d.%d); install one, or name it: make PYTHON=...\n"
            % sys.version_info[:2]
        )
    sys.exit(2)

here = os.path.dirname(os.path.abspath(__file__))
try:
    sys.exit(subprocess.call([found, "-P", os.path.join(here, "environments.py")] + sys.argv[1:]))
except KeyboardInterrupt:
    sys.exit(130)
