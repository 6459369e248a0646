"""Types of the arrays that results are made of."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

CountArray = NDArray[np.float64] | NDArray[np.int64]
"""Counts, or the weights of events that fade; variances of either."""
