#include "activity.h"

#include "arithmetic.h"
#include "scales.h"

#define MEMORY 0.9f
#define RARE_GAIN 1.5f
#define RARE 0.15f
#define WARM_UP_ROUNDS 20u
#define PAUSE_ROUNDS 10u
#define RISE 1.5f

static float larger(float first, float second)
{
    return first > second ? first : second;
}

static float smaller(float first, float second)
{
    return first < second ? first : second;
}

void gfl_activity_start(struct gfl_activity *activity, float phi)
{
    *activity = (struct gfl_activity){ .phi = phi, .gain = 1 };
}

void gfl_activity_note_residual(struct gfl_activity *activity, float norm)
{
    float before = activity->residual;
    activity->residual = before == 0 ? norm : MEMORY * before + (1 - MEMORY) * norm;
}

uint8_t gfl_activity_code(const struct gfl_activity *activity, float step_size)
{
    if (!(step_size > 0))
        return 0;
    float rare = smaller(RARE_GAIN * activity->phi, larger(activity->phi, RARE));
    return gfl_scale_code(activity->gain * rare / step_size * gfl_power(-GFL_ACTIVITY_OCTAVES));
}

float gfl_activity_shared(uint8_t ours, uint8_t theirs)
{
    uint8_t least = ours < theirs ? ours : theirs;
    return least ? gfl_scale(least) * gfl_power(GFL_ACTIVITY_OCTAVES) : 0;
}

/* Halve the gain when the residual keeps growing. */
static void guard(struct gfl_activity *activity)
{
    if (++activity->rounds <= WARM_UP_ROUNDS || activity->residual == 0)
        return;
    if (activity->least == 0 || activity->residual < activity->least)
        activity->least = activity->residual;
    if (activity->rounds - activity->acted <= PAUSE_ROUNDS
        || activity->residual <= RISE * activity->least)
        return;
    activity->gain /= 2;
    activity->least = activity->residual;
    activity->acted = activity->rounds;
}

void gfl_activity_end_round(struct gfl_activity *activity, uint32_t size)
{
    float share = (float)activity->touched / (float)size;
    activity->phi = MEMORY * activity->phi + (1 - MEMORY) * share;
    activity->touched = 0;
    guard(activity);
}
