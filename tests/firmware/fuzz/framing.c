/* Any bytes on a wire, and any frame on its way out and in again. */
#include <stdlib.h>
#include <string.h>

#include "framing.h"

/* Noise, cut into frames: none is longer than a frame may be. */
static void hear(const uint8_t *bytes, size_t length)
{
    struct gfl_deframer deframer = { 0 };
    for (size_t i = 0; i < length; i++)
        if (gfl_deframe(&deframer, bytes[i]) > GFL_FRAME_MAX)
            abort();
}

/* What one end sends is what the other hears, and nothing before the last byte. */
static void pass(const uint8_t *bytes, size_t length)
{
    uint8_t wire[GFL_WIRE_MAX];
    struct gfl_deframer deframer = { 0 };
    memcpy(wire + GFL_HEADROOM, bytes, length);
    size_t count = gfl_enframe(wire, length), found = 0;
    if (count > sizeof wire)
        abort();
    for (size_t i = 0; i < count; i++)
        if ((found = gfl_deframe(&deframer, wire[i])) != 0 && i + 1 < count)
            abort();
    if (found != length || memcmp(deframer.bytes, bytes, length) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    hear(bytes, length);
    if (length && length <= GFL_FRAME_MAX)
        pass(bytes, length);
    return 0;
}
