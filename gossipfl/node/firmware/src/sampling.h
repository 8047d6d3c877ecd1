/* Which samples a step sees: every one once an epoch, in an order that is drawn and nowhere stored. */
#ifndef GFL_SAMPLING_H
#define GFL_SAMPLING_H

#include <stdint.h>

struct gfl_sampling {
    uint32_t count;
    uint32_t done;
    uint32_t place;
    uint32_t stride;
    uint32_t state;
};

/* seed: any number but 0. */
void gfl_sampling_start(struct gfl_sampling *sampling, uint32_t count, uint32_t seed);
uint32_t gfl_sampling_next(struct gfl_sampling *sampling);

#endif
