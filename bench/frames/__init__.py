"""Frames with categories beside rivals, each library by its defaults; run with ``python -m bench.frames``."""
