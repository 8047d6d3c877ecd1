"""The preparation of gradients in NumPy, for any float type."""

import numpy as np

from gossipfl.kernels.layout import CLIP_NORM, GRADIENT, PARAMETERS, PROXIMAL, START

NORM_MIN = 1e-6


def prepare(settings, vectors):
    """g += proximal (x - start), then scaled down to the norm `clip` if it is longer."""
    g = vectors[GRADIENT]
    if settings[PROXIMAL] > 0:
        proximal = g.dtype.type(settings[PROXIMAL])
        g += proximal * (vectors[PARAMETERS] - vectors[START])
    if settings[CLIP_NORM] > 0:
        norm = np.sqrt(np.square(g, dtype=np.float64).sum())
        scale = g.dtype.type(settings[CLIP_NORM] / (norm + NORM_MIN))
        if scale < 1:
            g *= scale
