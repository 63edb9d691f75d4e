"""Starts the Python runtime: see quirl_runtime/server.py. This file is compiled at
every start, those that it imports are not (see compile.py).
"""

import sys

sys.path.insert(0, __file__.rpartition("/")[0])
from quirl_runtime import server
del sys.path[0]

server.main()
