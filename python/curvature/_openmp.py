"""Loads the core with idle threads told to sleep. The package imports this before anything else.

libgomp reads its settings once, when it is loaded, and by default lets threads that wait for the next parallel region
spin for milliseconds, which starves whoever shares the processor. The setting is made for the moment of loading only;
where the user made one, or another library loaded libgomp before, theirs holds.
"""

import os

_SPINS = "1000"  # about 50 microseconds at most: a pause takes 40 to 140 cycles

if "GOMP_SPINCOUNT" in os.environ or "OMP_WAIT_POLICY" in os.environ:
    from . import _core as _core
else:
    os.environ["GOMP_SPINCOUNT"] = _SPINS
    try:
        from . import _core as _core
    finally:
        del os.environ["GOMP_SPINCOUNT"]
