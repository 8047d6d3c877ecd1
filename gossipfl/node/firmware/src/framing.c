#include "framing.h"

#include "bytes.h"
#include "checksums.h"

#define GROUP_MAX 254u

size_t gfl_enframe(uint8_t buffer[GFL_WIRE_MAX], size_t length)
{
    uint8_t *from = buffer + GFL_HEADROOM, *to = buffer + 1, *code = buffer;
    gfl_store16(from + length, gfl_crc16(from, length));
    for (size_t left = length + 2; left--; from++) {
        if (*from) {
            /* `to` never overtakes `from`: of every group only the code is added. */
            *to++ = *from;
            if (to - code <= (ptrdiff_t)GROUP_MAX)
                continue;
        }
        *code = (uint8_t)(to - code);
        code = to++;
    }
    *code = (uint8_t)(to - code);
    *to++ = 0;
    return (size_t)(to - buffer);
}

static void append(struct gfl_deframer *deframer, uint8_t byte)
{
    if (deframer->filled == sizeof deframer->bytes)
        deframer->spoilt = true;
    else
        deframer->bytes[deframer->filled++] = byte;
}

/* The length of what has come, if it is a frame. */
static size_t finish(const struct gfl_deframer *deframer)
{
    if (deframer->spoilt || deframer->left || deframer->filled <= 2)
        return 0;
    size_t length = deframer->filled - 2u;
    uint16_t crc = gfl_load16(deframer->bytes + length);
    return crc == gfl_crc16(deframer->bytes, length) ? length : 0;
}

size_t gfl_deframe(struct gfl_deframer *deframer, uint8_t byte)
{
    if (byte == 0) {
        size_t length = finish(deframer);
        deframer->filled = 0;
        deframer->left = 0;
        deframer->zero_due = deframer->spoilt = false;
        return length;
    }
    if (deframer->left) {
        deframer->left--;
        append(deframer, byte);
        return 0;
    }
    if (deframer->zero_due)
        append(deframer, 0);
    deframer->left = byte - 1;
    deframer->zero_due = byte != GROUP_MAX + 1;
    return 0;
}
