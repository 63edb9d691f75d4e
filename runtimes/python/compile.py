"""Compiles the runtime for the interpreter that runs this, so that containers of
it need not: a third of their start. What is written is trusted as it is, without
a look at the sources: their folder is named after its content.
"""

import os
import py_compile

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "quirl_runtime")

for name in sorted(os.listdir(FOLDER)):
    if name.endswith(".py"):
        py_compile.compile(
            os.path.join(FOLDER, name),
            doraise=True,
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )
