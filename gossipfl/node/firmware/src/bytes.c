#include "bytes.h"

void gfl_copy(void *to, const void *from, size_t length)
{
    uint8_t *target = to;
    const uint8_t *source = from;
    while (length--)
        *target++ = *source++;
}

void gfl_fill(void *to, uint8_t value, size_t length)
{
    uint8_t *target = to;
    while (length--)
        *target++ = value;
}

bool gfl_equal(const void *first, const void *second, size_t length)
{
    const uint8_t *a = first, *b = second;
    uint8_t difference = 0;
    while (length--)
        difference |= *a++ ^ *b++;
    return difference == 0;
}

void gfl_wipe(void *secret, size_t length)
{
    volatile uint8_t *target = secret;
    while (length--)
        *target++ = 0;
}

uint16_t gfl_load16(const uint8_t *from)
{
    return (uint16_t)(from[0] | from[1] << 8);
}

uint32_t gfl_load32(const uint8_t *from)
{
    return gfl_load16(from) | (uint32_t)gfl_load16(from + 2) << 16;
}

float gfl_load_float(const uint8_t *from)
{
    union { uint32_t bits; float number; } as = { gfl_load32(from) };
    return as.number;
}

void gfl_store16(uint8_t *to, uint16_t number)
{
    to[0] = (uint8_t)number;
    to[1] = (uint8_t)(number >> 8);
}

void gfl_store32(uint8_t *to, uint32_t number)
{
    gfl_store16(to, (uint16_t)number);
    gfl_store16(to + 2, (uint16_t)(number >> 16));
}

void gfl_store_float(uint8_t *to, float number)
{
    union { float number; uint32_t bits; } as = { number };
    gfl_store32(to, as.bits);
}
