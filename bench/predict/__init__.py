"""Prediction beside rivals, of many rows and of one; run with ``python -m bench.predict``."""
