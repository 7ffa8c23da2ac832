"""Outlives the owner of a world by a moment: if the owner is killed, it ends the parts and removes the state."""

import signal
import sys
import time

from local.runs import Run, is_owned


def main(name: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    run = Run(name=name)
    while is_owned(run):
        time.sleep(0.25)
    if run.folder.exists():  # a clean end removes it first, and stops the warden
        run.remove()


if __name__ == "__main__":
    main(sys.argv[1])
