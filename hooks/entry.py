"""Starts the dispatcher for one hook event (argument 1). Everything else lies in the package, where it is compiled once."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "scripts", "lib"))

from fermata.host.dispatcher import main

sys.exit(main(sys.argv[1], sys.stdin.buffer, sys.stdout, os.environ))
