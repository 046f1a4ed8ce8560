"""Starts Rasa's own command line, in the dialogue environment, without TensorFlow.

`python start.py train …` and `python start.py run …`; the arguments are Rasa's. `launch.py` writes them.
Run as a file, so that this folder leads the module path and Rasa finds `extensions` by name.
"""

from __future__ import annotations

import runpy

from without_tensorflow import stand_in_for_tensorflow  # type: ignore[import-not-found]  # beside this file

if __name__ == "__main__":
    stand_in_for_tensorflow()
    runpy.run_module("rasa", run_name="__main__", alter_sys=True)
