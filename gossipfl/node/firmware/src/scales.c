#include "scales.h"

#include "arithmetic.h"

/* 2^(i / 8). */
static const float eighths[8] = {
    1.0f, 1.0905077f, 1.1892071f, 1.2968396f, 1.4142135f, 1.5422108f, 1.6817929f, 1.8340081f,
};

/* 2^((2 i + 1) / 16): where one code's neighbourhood ends and the next one's begins. */
static const double odd_sixteenths[8] = {
    1.0442737824274138, 1.1387886347566916, 1.2418578120734840, 1.3542555469368927,
    1.4768261459394993, 1.6104903319492543, 1.7562521603732995, 1.9152065613971474,
};

float gfl_scale(uint8_t code)
{
    return eighths[code % 8] * gfl_power(code / 8 - 24);
}

/* The end of a code's neighbourhood. */
static double border(int code)
{
    return odd_sixteenths[code % 8] * (double)gfl_power(code / 8 - 24);
}

uint8_t gfl_scale_code(double mean)
{
    int low = 0, high = 255;
    while (low < high) {
        int middle = (low + high) / 2;
        if (border(middle) < mean)
            low = middle + 1;
        else
            high = middle;
    }
    return (uint8_t)low;
}
