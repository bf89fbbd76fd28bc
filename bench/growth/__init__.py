"""How the time of a fit grows with rows, columns, leaves and threads; run with ``python -m bench.growth``."""
