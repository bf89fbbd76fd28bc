"""Boosted trees from the gradient and the Hessian of any loss."""

__version__ = "0.1.0"
