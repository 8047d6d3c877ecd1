"""What happens to a gradient before the optimizer sees it, in vectors f32[VECTORS, size]."""

import math

import numpy as np

from gossipfl.kernels.calls import at, kernel
from gossipfl.kernels.layout import CLIP_NORM, GRADIENT, PARAMETERS, PROXIMAL, START
from gossipfl.kernels.signatures import OPTIMIZER

NORM_MIN = 1e-6  # added to the norm, as PyTorch does


# The sum of squares vectorises only if it may be taken in any order.
@kernel(OPTIMIZER, {"contract", "reassoc"})
def prepare(settings, vectors, size):
    """g += proximal (x - start), as in FedProx (Li et al. 2020, arXiv:1812.06127);  then g is
    scaled down to the norm `clip` if it is longer (Pascanu et al. 2013, arXiv:1211.5063).
    """
    proximal, clip = np.float32(settings[PROXIMAL]), settings[CLIP_NORM]
    x, g = at(vectors, PARAMETERS * size), at(vectors, GRADIENT * size)
    start, total = at(vectors, START * size), 0.0
    if proximal > 0:
        for i in range(size):
            g[i] += proximal * (x[i] - start[i])
    if clip > 0:
        for i in range(size):
            total += np.float64(g[i]) * np.float64(g[i])
        scale = np.float32(clip / (math.sqrt(total) + NORM_MIN))
        if scale < 1:
            for i in range(size):
                g[i] *= scale
