"""Starts the language server from the libraries that came with the extension.

Invariant: these libraries come first on the path, so nothing that is installed in the chosen interpreter can
replace a part of the server.
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))

if sys.version_info < (3, 10):  # noqa: UP036 - said here, because the editor's own check can be bypassed by a setting
    sys.exit(f"Rung needs Python 3.10 or newer; this is Python {sys.version_info[0]}.{sys.version_info[1]}.")

sys.path.insert(0, os.path.join(HERE, "libs"))

from rung.cli import main  # noqa: E402

sys.exit(main(sys.argv[1:]))
