"""Benchmarks of linear models: solvers raced to one objective, and an epoch of gradient descent. See README.md."""
