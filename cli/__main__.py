"""`python -m cli`: the same as `dialer`."""

from cli.app import main

main()
