#include "model.h"

#if !GFL_FIXED_POINT

#include "arithmetic.h"

/* Softmax minus the truth, as errors; returns -log softmax of the truth. */
static float cross_entropy(const float *logits, uint32_t classes, uint32_t truth, float *errors)
{
    float most = logits[0], total = 0;
    for (uint32_t i = 1; i < classes; i++)
        most = logits[i] > most ? logits[i] : most;
    for (uint32_t i = 0; i < classes; i++)
        total += errors[i] = gfl_exp(logits[i] - most);
    for (uint32_t i = 0; i < classes; i++)
        errors[i] /= total;
    errors[truth] -= 1.0f;
    return gfl_log(total) - (logits[truth] - most);
}

/* Errors of the layer below, through weights and ReLU. */
static void backward(const float *weights, const float *errors, uint32_t units,
                     const float *activations, uint32_t width, float *out)
{
    for (uint32_t i = 0; i < width; i++) {
        float total = 0;
        for (uint32_t unit = 0; unit < units; unit++)
            total += errors[unit] * weights[unit * width + i];
        out[i] = activations[i] > 0 ? total : 0;
    }
}

/* One sample's activations and errors, layer by layer, before any parameter changes. */
static float look_at(const struct gfl_model *model, const float *x, uint32_t truth,
                     struct gfl_workspace *workspace, uint32_t row)
{
    float *units = workspace->units[row], *errors = workspace->errors[row];
    uint32_t layer = model->layers, end = gfl_model_parameters(model);
    float *logits = gfl_model_forward(model, x, workspace->features, units);
    float loss = cross_entropy(logits, model->widths[layer], truth, errors + (logits - units));
    uint32_t place = (uint32_t)(logits - units);
    while (--layer) {
        uint32_t width = model->widths[layer], count = model->widths[layer + 1];
        end -= (width + 1) * count;
        backward(x + end, errors + place, count, units + place - width, width,
                 errors + place - width);
        place -= width;
    }
    return loss;
}

/* Add `rate` times one sample's gradient, to x itself or to the velocity. */
static void add_gradient(const struct gfl_model *model, float *target,
                         const struct gfl_workspace *workspace, uint32_t row, float rate)
{
    const float *inputs = workspace->features, *errors = workspace->errors[row];
    const float *units = workspace->units[row];
    for (uint32_t layer = 0; layer < model->layers; layer++) {
        uint32_t width = model->widths[layer], count = model->widths[layer + 1];
        float *biases = target + width * count;
        for (uint32_t unit = 0; unit < count; unit++) {
            float error = rate * errors[unit];
            for (uint32_t i = 0; i < width; i++)
                *target++ += error * inputs[i];
            biases[unit] += error;
        }
        target += count;
        inputs = units;
        units += count;
        errors += count;
    }
}

float gfl_model_step(const struct gfl_model *model, float *x, const struct gfl_samples *samples,
                     const uint32_t *places, uint32_t batch, const struct gfl_step *step,
                     struct gfl_workspace *workspace)
{
    float loss = 0;
    for (uint32_t row = 0; row < batch; row++) {
        uint32_t truth = samples->read(samples->context, places[row], workspace->features);
        loss += look_at(model, x, truth, workspace, row);
    }
#if GFL_MOMENTUM
    uint32_t size = gfl_model_parameters(model);
    float *target = workspace->velocity, rate = 1.0f / (float)batch;
    for (uint32_t i = 0; i < size; i++)
        target[i] *= step->momentum;
#else
    float *target = x, rate = -step->learning_rate / (float)batch;
#endif
    for (uint32_t row = 0; row < batch; row++) {
        (void)samples->read(samples->context, places[row], workspace->features);
        add_gradient(model, target, workspace, row, rate);
    }
#if GFL_MOMENTUM
    for (uint32_t i = 0; i < size; i++)
        x[i] -= step->learning_rate * target[i];
#endif
    return loss / (float)batch;
}

#endif
