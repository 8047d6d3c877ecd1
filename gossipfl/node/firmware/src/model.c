#include "model.h"

uint32_t gfl_model_parameters(const struct gfl_model *model)
{
    uint32_t total = 0;
    for (uint32_t layer = 0; layer < model->layers; layer++)
        total += (model->widths[layer] + 1u) * model->widths[layer + 1];
    return total;
}

bool gfl_model_fits(const struct gfl_model *model)
{
    uint32_t units = 0;
    if (model->layers < 1 || model->layers > GFL_LAYERS_MAX || model->widths[0] < 1
        || model->widths[0] > GFL_INPUTS_MAX || model->widths[model->layers] < 2)
        return false;
    for (uint32_t layer = 1; layer <= model->layers; layer++) {
        if (model->widths[layer] < 1 || model->widths[layer] > GFL_UNITS_MAX)
            return false;
        units += model->widths[layer];
    }
    return units <= GFL_UNITS_MAX && gfl_model_parameters(model) <= GFL_PARAMETERS_MAX;
}

void gfl_model_tensors(const struct gfl_model *model, struct gfl_tensors *out)
{
    uint32_t stop = 0;
    out->count = 2 * model->layers;
    for (uint32_t layer = 0; layer < model->layers; layer++) {
        stop += (uint32_t)model->widths[layer] * model->widths[layer + 1];
        out->stops[2 * layer] = (uint16_t)stop;
        stop += model->widths[layer + 1];
        out->stops[2 * layer + 1] = (uint16_t)stop;
    }
}

static void dense(const float *x, const float *inputs, uint32_t width, float *out, uint32_t units,
                  bool rectified)
{
    const float *biases = x + width * units;
    for (uint32_t unit = 0; unit < units; unit++) {
        float total = 0;
        for (uint32_t i = 0; i < width; i++)
            total += *x++ * inputs[i];
        total += biases[unit];
        out[unit] = rectified && total < 0 ? 0 : total;
    }
}

float *gfl_model_forward(const struct gfl_model *model, const float *x, const float *features,
                         float *units)
{
    const float *inputs = features;
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

const float *gfl_model_outputs(const struct gfl_model *model, const float *x,
                               struct gfl_workspace *workspace)
{
    return gfl_model_forward(model, x, workspace->features, workspace->outputs);
}
