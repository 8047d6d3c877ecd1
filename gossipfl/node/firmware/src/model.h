/* Softmax regression and perceptrons with ReLUs: outputs, loss, and steps of SGD.
 *
 * A model is one flat vector: of each layer the weights [units][inputs], then the biases. */
#ifndef GFL_MODEL_H
#define GFL_MODEL_H

#include "entries.h"

/* widths[0] are the inputs, widths[layers] the classes. */
struct gfl_model {
    uint32_t layers;
    uint16_t widths[GFL_LAYERS_MAX + 1];
};

/* What the device learns from.  `read` writes the features of one sample and returns its class; it is
 * called twice in every step that the sample is part of. */
struct gfl_samples {
    uint32_t count;
    uint16_t inputs;
    uint16_t classes;
    uint16_t (*read)(void *context, uint32_t place, float *features);
    void *context;
};

struct gfl_step {
    float learning_rate;
    float momentum;
};

/* What a step computes in: with GFL_FIXED_POINT integers, see fixed.h. */
#if GFL_FIXED_POINT
typedef int32_t gfl_number;
#else
typedef float gfl_number;
#endif

/* What a step needs besides the model: activations and errors of one batch, one sample's features and,
 * with GFL_MOMENTUM, the velocity.  outputs: of all layers, of one sample that is classified. */
struct gfl_workspace {
    float features[GFL_INPUTS_MAX];
    float outputs[GFL_UNITS_MAX];
    gfl_number units[GFL_BATCH_MAX][GFL_UNITS_MAX];
    gfl_number errors[GFL_BATCH_MAX][GFL_UNITS_MAX];
#if GFL_FIXED_POINT
    int32_t inputs[GFL_INPUTS_MAX];
#endif
#if GFL_MOMENTUM
    float velocity[GFL_PARAMETERS_MAX];
#endif
};

/* Whether the model has any sense and fits into this firmware's buffers. */
bool gfl_model_fits(const struct gfl_model *model);

uint32_t gfl_model_parameters(const struct gfl_model *model);

/* Where the tensors lie, for the codec. */
void gfl_model_tensors(const struct gfl_model *model, struct gfl_tensors *out);

/* All layers of one sample; returns the logits, the last of its units. */
float *gfl_model_forward(const struct gfl_model *model, const float *x, const float *features,
                         float *units);

/* The logits of one sample, which `workspace` holds the features of; they lie in the workspace. */
const float *gfl_model_outputs(const struct gfl_model *model, const float *x,
                               struct gfl_workspace *workspace);

/* One step on the samples at `places` (1 to GFL_BATCH_MAX); returns the loss before it. */
float gfl_model_step(const struct gfl_model *model, float *x, const struct gfl_samples *samples,
                     const uint32_t *places, uint32_t batch, const struct gfl_step *step,
                     struct gfl_workspace *workspace);

#endif
