"""What shapes a model in a speed case: the same for every library, each translates it into its own words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Task = Literal["binary", "regression"]


@dataclass(frozen=True)
class Settings:
    """Best-first trees of equal size on all columns and rows, without a penalty and without early stopping."""

    trees: int
    leaves: int
    learning_rate: float = 0.1
    bins: int = 255
    min_rows: int = 20  # in a leaf
    reg_lambda: float = 0.0

    @property
    def depth(self) -> int:
        """Levels of a balanced tree of as many leaves, for libraries that grow level by level."""
        return (self.leaves - 1).bit_length()

    def __str__(self) -> str:
        return f"{self.trees} trees × {self.leaves} leaves"
