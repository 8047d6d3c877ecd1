/* Any bytes as a payload, and any two vectors as a model and its anchor. */
#include <stdlib.h>
#include <string.h>

#include "arithmetic.h"
#include "codec.h"
#include "selection.h"

#define SIZE 39

static const struct gfl_tensors tensors = { 4, { 20, 24, 36, SIZE } };

static void check(const struct gfl_entries *entries)
{
    if (entries->count > GFL_ENTRIES_MAX)
        abort();
    for (uint32_t i = 0; i < entries->count; i++)
        if (entries->indices[i] >= SIZE || (i && entries->indices[i] <= entries->indices[i - 1])
            || gfl_magnitude(entries->values[i]) >= GFL_INFINITE)
            abort();
}

/* What was encoded is what is decoded. */
static void pass(const float *residual, unsigned mark_bits)
{
    struct gfl_entries sent, found;
    uint8_t payload[96];
    if (!gfl_select(residual, SIZE, GFL_ENTRIES_MAX, &sent))
        return;
    size_t length = gfl_encode(&tensors, mark_bits, &sent, payload, sizeof payload);
    if (!length)
        return;
    if (!gfl_decode(&tensors, payload, length, &found) || found.count != sent.count)
        abort();
    for (uint32_t i = 0; i < sent.count; i++)
        if (found.indices[i] != sent.indices[i] || found.values[i] != sent.values[i])
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct gfl_entries entries;
    float residual[SIZE] = { 0 };
    if (gfl_decode(&tensors, bytes, length, &entries))
        check(&entries);
    memcpy(residual, bytes, length < sizeof residual ? length : sizeof residual);
    pass(residual, 1 + (unsigned)(length & 1));
    return 0;
}
