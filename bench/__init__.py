"""Benchmarks of curvature beside its rivals: time, memory and held-out accuracy. See README.md."""
