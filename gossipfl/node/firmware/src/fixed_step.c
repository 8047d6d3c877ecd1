/* As step.c, in integers.  While a step lasts, parameters lie as integers where the floats were. */
#include "model.h"

#if GFL_FIXED_POINT

#include "fixed.h"

#define STEP_BITS 28
#define STEP_LIMIT 0x7FFFFFFF
#define OUTER_BITS (STEP_BITS + GFL_UNIT_BITS - GFL_PARAMETER_BITS)
/* Highest words of products that move a parameter by less than half of its range. */
#define NEAR (1u << (29 + OUTER_BITS - 32))

/* Memory that holds floats before and after. */
typedef int32_t parameter __attribute__((__may_alias__));

static void convert(float *x, uint32_t size)
{
    parameter *fixed = (parameter *)x;
    for (uint32_t i = 0; i < size; i++)
        fixed[i] = gfl_to_fixed(x[i], GFL_PARAMETER_BITS, GFL_PARAMETER_LIMIT);
}

static void convert_back(float *x, uint32_t size)
{
    const parameter *fixed = (const parameter *)x;
    for (uint32_t i = 0; i < size; i++)
        x[i] = gfl_from_fixed(fixed[i], GFL_PARAMETER_BITS);
}

static uint32_t read_row(const struct gfl_samples *samples, uint32_t place,
                         struct gfl_workspace *workspace)
{
    uint32_t truth = samples->read(samples->context, place, workspace->features);
    for (uint32_t i = 0; i < samples->inputs; i++)
        workspace->inputs[i] = gfl_to_fixed(workspace->features[i], GFL_UNIT_BITS, GFL_UNIT_LIMIT);
    return truth;
}

static void dense(const parameter *x, const int32_t *inputs, uint32_t width, int32_t *out,
                  uint32_t units, bool rectified)
{
    const parameter *biases = x + width * units;
    for (uint32_t unit = 0; unit < units; unit++) {
        int64_t total = (int64_t)biases[unit] * (1 << GFL_UNIT_BITS);
        for (uint32_t i = 0; i < width; i++)
            total += (int64_t)*x++ * inputs[i];
        int32_t found = gfl_rescale(total, GFL_PARAMETER_BITS, GFL_UNIT_LIMIT);
        out[unit] = rectified && found < 0 ? 0 : found;
    }
}

/* All layers of one sample; returns the logits, the last of its units. */
static int32_t *forward(const struct gfl_model *model, const parameter *x, const int32_t *inputs,
                        int32_t *units)
{
    for (uint32_t layer = 0;; layer++) {
        uint32_t width = model->widths[layer], count = model->widths[layer + 1];
        bool last = layer + 1 == model->layers;
        dense(x, inputs, width, units, count, !last);
        if (last)
            return units;
        x += (width + 1) * count;
        inputs = units;
        units += count;
    }
}

/* Softmax minus the truth, as errors; returns -log softmax of the truth, with GFL_UNIT_BITS. */
static int32_t cross_entropy(const int32_t *logits, uint32_t classes, uint32_t truth,
                             int32_t *errors)
{
    int32_t most = logits[0];
    uint64_t total = 0;
    for (uint32_t i = 1; i < classes; i++)
        most = logits[i] > most ? logits[i] : most;
    for (uint32_t i = 0; i < classes; i++)
        total += (uint32_t)(errors[i] = (int32_t)gfl_fixed_exp(logits[i] - most));
    /* One division a row: the total is 2^30 or more, so this has 32 bits at most. */
    uint64_t share = ((uint64_t)1 << 62) / total;
    for (uint32_t i = 0; i < classes; i++)
        errors[i] = gfl_rescale((int64_t)((uint64_t)(uint32_t)errors[i] * share),
                                62 - GFL_ERROR_BITS, GFL_ERROR_LIMIT);
    errors[truth] -= 1 << GFL_ERROR_BITS;
    return gfl_fixed_log(total) - (logits[truth] - most);
}

/* Errors of the layer below, through weights and ReLU. */
static void backward(const parameter *weights, const int32_t *errors, uint32_t units,
                     const int32_t *activations, uint32_t width, int32_t *out)
{
    for (uint32_t i = 0; i < width; i++) {
        int64_t total = 0;
        for (uint32_t unit = 0; unit < units; unit++)
            total += (int64_t)errors[unit] * weights[unit * width + i];
        out[i] = activations[i] > 0 ? gfl_rescale(total, GFL_PARAMETER_BITS, GFL_ERROR_LIMIT) : 0;
    }
}

/* One sample's activations and errors, layer by layer, before any parameter changes. */
static int32_t look_at(const struct gfl_model *model, const parameter *x, uint32_t truth,
                       struct gfl_workspace *workspace, uint32_t row)
{
    int32_t *units = workspace->units[row], *errors = workspace->errors[row];
    uint32_t layer = model->layers, end = gfl_model_parameters(model);
    int32_t *logits = forward(model, x, workspace->inputs, units);
    uint32_t place = (uint32_t)(logits - units);
    int32_t loss = cross_entropy(logits, model->widths[layer], truth, errors + place);
    while (--layer) {
        uint32_t width = model->widths[layer], count = model->widths[layer + 1];
        end -= (width + 1) * count;
        backward(x + end, errors + place, count, units + place - width, width,
                 errors + place - width);
        place -= width;
    }
    return loss;
}

static parameter less(parameter x, int64_t product, unsigned bits)
{
    return gfl_held((int64_t)x - gfl_rescale(product, bits, STEP_LIMIT), GFL_PARAMETER_LIMIT);
}

/* Take error times inputs from one unit's weights: half of all the work, so what is far within its
 * range goes without 64-bit comparisons. */
static void take_outer(parameter *x, int32_t error, const int32_t *inputs, uint32_t width)
{
    for (uint32_t i = 0; i < width; i++) {
        int64_t product = (int64_t)error * inputs[i];
        int64_t rounded = product + (1 << (OUTER_BITS - 1));
        if ((uint32_t)(rounded >> 32) + NEAR < 2 * NEAR) {
            int32_t moved = x[i] - (int32_t)(rounded >> OUTER_BITS);
            int32_t low = moved < -GFL_PARAMETER_LIMIT ? -GFL_PARAMETER_LIMIT : moved;
            x[i] = low > GFL_PARAMETER_LIMIT ? GFL_PARAMETER_LIMIT : low;
        } else {
            x[i] = less(x[i], product, OUTER_BITS);
        }
    }
}

/* Take `rate` times one sample's gradient from x. */
static void take_gradient(const struct gfl_model *model, parameter *x,
                          const struct gfl_workspace *workspace, uint32_t row,
                          struct gfl_factor rate)
{
    const int32_t *inputs = workspace->inputs, *errors = workspace->errors[row];
    const int32_t *units = workspace->units[row];
    for (uint32_t layer = 0; layer < model->layers; layer++) {
        uint32_t width = model->widths[layer], count = model->widths[layer + 1];
        parameter *biases = x + width * count;
        for (uint32_t unit = 0; unit < count; unit++) {
            int32_t error = gfl_rescale((int64_t)rate.mantissa * errors[unit],
                                        rate.shift + GFL_ERROR_BITS - STEP_BITS, STEP_LIMIT);
            take_outer(x, error, inputs, width);
            x += width;
            biases[unit] = less(biases[unit], error, STEP_BITS - GFL_PARAMETER_BITS);
        }
        x += count;
        inputs = units;
        units += count;
        errors += count;
    }
}

float gfl_model_step(const struct gfl_model *model, float *x, const struct gfl_samples *samples,
                     const uint32_t *places, uint32_t batch, const struct gfl_step *step,
                     struct gfl_workspace *workspace)
{
    uint32_t size = gfl_model_parameters(model);
    parameter *fixed = (parameter *)x;
    int64_t loss = 0;
    convert(x, size);
    for (uint32_t row = 0; row < batch; row++) {
        uint32_t truth = read_row(samples, places[row], workspace);
        loss += look_at(model, fixed, truth, workspace, row);
    }
    for (uint32_t row = 0; row < batch; row++) {
        (void)read_row(samples, places[row], workspace);
        take_gradient(model, fixed, workspace, row, gfl_factor_of(step->learning_rate, batch));
    }
    convert_back(x, size);
    return gfl_from_fixed(gfl_held(loss / batch, 0x7FFFFFFF), GFL_UNIT_BITS);
}

#endif
