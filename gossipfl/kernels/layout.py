"""Names of the columns that the training kernels read; plain integers, so that kernels inline them.

A plan is an int64 table with one row per layer and a loss as its last row.  Offsets count float32
entries from the start of the parameter vector (WEIGHTS, BIASES) or of the workspace (the rest).
INPUTS and OUTPUTS count the entries of one example.
"""

KIND, INPUTS, OUTPUTS = 0, 1, 2
WEIGHTS, BIASES = 3, 4  # for a dense layer [outputs, inputs] row-major and [outputs]; -1 if none
SOURCE, RESULT = 5, 6  # [batch, INPUTS] and [batch, OUTPUTS]; a loss row's RESULT holds the targets
SOURCE_GRADIENT, RESULT_GRADIENT = 7, 8  # -1 where nobody needs it: data, loss row
SCRATCH = 9  # the layer's own; a loss leaves its value in the first entry
GEOMETRY = 10  # from here on, what the kinds of layers call their own; 0 where they have less
COLUMNS = 18

TIMES = GEOMETRY  # recurrent layers and transformers: time steps in one example
COUNT = GEOMETRY  # dense layers: vectors in one example, each with the same weights
# Layers over images [HEIGHT, WIDTH, channels]: a kernel [KERNEL_HEIGHT, KERNEL_WIDTH] slides by
# STRIDE and gives [OUT_HEIGHT, OUT_WIDTH, filters].  What these sizes reach beyond the image is
# padding, half of it (rounded down) above and to the left.
HEIGHT, WIDTH, KERNEL_HEIGHT, KERNEL_WIDTH = GEOMETRY, GEOMETRY + 1, GEOMETRY + 2, GEOMETRY + 3
STRIDE, OUT_HEIGHT, OUT_WIDTH = GEOMETRY + 4, GEOMETRY + 5, GEOMETRY + 6
CHANNELS, GROUPS = GEOMETRY, GEOMETRY + 1  # group normalisation
HEADS, HIDDEN = GEOMETRY + 1, GEOMETRY + 2  # transformers, behind TIMES
THRESHOLD = GEOMETRY  # dropout: of 2**32 draws, how many zero an entry
SIGNED = GEOMETRY  # fake quantisation: 1 for codes -LEVELS_SIGNED.., 0 for 0..LEVELS
# A loss: where the workspace has all parameters with rounded weights; 0 where none are rounded.
ROUNDED = GEOMETRY

# KIND of a layer.  Recurrent layers see INPUTS as [TIMES, channels] and have their last state as
# result.  GRU: weights [3 OUTPUTS, channels] and [3 OUTPUTS, OUTPUTS] for reset, update and new,
# biases [3 OUTPUTS] twice.  FASTGRNN: weights [OUTPUTS, channels] and [OUTPUTS, OUTPUTS], biases
# [OUTPUTS] for gate and candidate, then the two scalars zeta and nu.
DENSE, RELU, TANH, SIGMOID, LAYER_NORM, GRU, FASTGRNN = 0, 1, 2, 3, 4, 5, 6
# CONVOLUTION: weights [filters, KERNEL_HEIGHT, KERNEL_WIDTH, channels], biases [filters].  Pools
# slide by the size of their kernel and have no STRIDE nor what follows it.  GROUP_NORM: a gain and
# a bias for each of the CHANNELS.
CONVOLUTION, MAX_POOL, AVERAGE_POOL, GROUP_NORM = 20, 21, 22, 23
# DROPOUT: no parameters.  POSITIONS: weights [INPUTS].  TRANSFORMER: see kernels/transformer.py.
DROPOUT, POSITIONS, TRANSFORMER = 30, 31, 32
# FAKE_QUANTISE: one weight, the logarithm of its step over the one that it starts with.  A DENSE or
# CONVOLUTION behind it has rounded weights and biases as well.
FAKE_QUANTISE = 40
# KIND of a loss.  Targets are a class index, with WEIGHTED_CROSS_ENTROPY and its weight behind it;
# with the others a number for every output, with BINARY 0 or 1.
CROSS_ENTROPY, SQUARED_ERROR, WEIGHTED_CROSS_ENTROPY, BINARY, HUBER = 100, 101, 102, 103, 104

# What a layer's row of the kernels' array holds; a loss has its optimizer in the second place.
FORWARD, BACKWARD = 0, 1
LOSS, UPDATE = 0, 1
# Kernels that all plans share.
MULTIPLY, MULTIPLY_TRANSPOSED, GATHER, PREPARE, MULTIPLY_LISTED = 0, 1, 2, 3, 4
QUANTISE_WEIGHTS = 5  # only with plans that round

# Entries at the start of every workspace, which all kernels may read.
TRAINING = 0  # 1 in a training step, 0 in a prediction
CLOCK, SEED = 1, 2  # of this step and of this node, whole numbers below WHOLE: exact in float32
WHOLE = 1 << 24
HEAD = 16

# Rows of the [6, d] float32 training state; START is where the round began.
PARAMETERS, GRADIENT, CORRECTION, FIRST_MOMENT, SECOND_MOMENT, START = 0, 1, 2, 3, 4, 5
VECTORS = 6

# Entries of the float64 settings of one step; a round has a row of them for every step.
LEARNING_RATE = 0
PROXIMAL, CLIP_NORM = 1, 2  # 0: none
DECAY, KEPT = 3, 4  # share of the parameters added to the gradient; share that they keep
MOMENTUM = 5  # SGD: share of the velocity that is kept
FIRST_SCALE, SECOND_SCALE = 6, 7  # Adam: what makes up for moments that began at 0
SETTINGS = 8
SGD, NESTEROV, ADAM = 0, 1, 2  # optimizers
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8  # Adam's

# Codes of int8: of weights and of numbers with a sign -LEVELS_SIGNED..LEVELS_SIGNED, of others
# 0..LEVELS.  At first the largest code is RANGE_START; exponents count up to EXPONENT_MAX.
LEVELS_SIGNED, LEVELS = 127, 255
RANGE_START, EXPONENT_MAX = 4.0, 20.0
# The largest code of a bias: beside the largest sum of products, LEVELS * LEVELS_SIGNED for each of
# 51,200 weights, so much fits into 32 bits.
BIAS_MAX = 2.0**28
