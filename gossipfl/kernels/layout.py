"""Names of the columns that the training kernels read; plain integers, so that kernels inline them.

A plan is an int64 table with one row per layer and a loss as its last row.  Offsets count float32
entries from the start of the parameter vector (WEIGHTS, BIASES) or of the workspace (the rest).
"""

KIND, ACTIVATION, INPUTS, OUTPUTS = 0, 1, 2, 3
WEIGHTS, BIASES = 4, 5  # [OUTPUTS, INPUTS] row-major and [OUTPUTS]; -1 in a loss row
SOURCE, RESULT = 6, 7  # [batch, INPUTS] and [batch, OUTPUTS]; a loss row's RESULT holds the targets
SOURCE_GRADIENT, RESULT_GRADIENT = 8, 9  # -1 where nobody needs it: first layer, loss row
COLUMNS = 10

DENSE, CROSS_ENTROPY, SQUARED_ERROR = 0, 1, 2  # KIND
LINEAR, RELU = 0, 1  # ACTIVATION

# Rows of the [5, d] float32 training state.
PARAMETERS, GRADIENT, CORRECTION, FIRST_MOMENT, SECOND_MOMENT = 0, 1, 2, 3, 4
VECTORS = 5

# Entries of the float64 optimizer settings; STEP counts the steps made before this call.
OPTIMIZER, LEARNING_RATE, MOMENTUM, WEIGHT_DECAY, STEP = 0, 1, 2, 3, 4
SETTINGS = 5
SGD, ADAM = 0, 1  # OPTIMIZER
