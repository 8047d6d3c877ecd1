/* The gain of the control variate: how often a coordinate is corrected, held back when the mesh starts
 * to diverge.  As gossipfl/gossip/activity.py and guard.py, in single precision. */
#ifndef GFL_ACTIVITY_H
#define GFL_ACTIVITY_H

#include <stdint.h>

struct gfl_activity {
    float phi;
    uint32_t touched;
    float gain;
    float residual;
    float least;
    uint32_t rounds;
    uint32_t acted;
};

/* phi: the share of coordinates that one exchange is expected to touch. */
void gfl_activity_start(struct gfl_activity *activity, float phi);

/* The norm of what an exchange was made from. */
void gfl_activity_note_residual(struct gfl_activity *activity, float norm);

/* The code that goes on the wire; 0 switches the control variate off.  step_size: learning rates of
 * the local steps since the last exchange, summed. */
uint8_t gfl_activity_code(const struct gfl_activity *activity, float step_size);

/* What both ends use, the smaller of two codes; 0 if either is 0. */
float gfl_activity_shared(uint8_t ours, uint8_t theirs);

/* Close the books of one exchange of a model of `size` parameters. */
void gfl_activity_end_round(struct gfl_activity *activity, uint32_t size);

#endif
