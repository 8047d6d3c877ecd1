/* A bare board that takes training steps and counts the instructions of each; see fixed.py. */
#include "board.h"
#include "gossipfl.h"
#include "samples.h"

#define STEPS 4
#define BATCH 16

static float x[GFL_PARAMETERS_MAX];
static struct gfl_workspace workspace;

/* Where the emulator's monitor looks. */
volatile uint32_t board_steps[STEPS + 1];
volatile uint32_t *const board_model = board_steps;

static uint16_t read_sample(void *context, uint32_t place, float *features)
{
    (void)context;
    for (uint32_t i = 0; i < SAMPLE_INPUTS; i++)
        features[i] = sample_features[place][i];
    return sample_classes[place];
}

static uint32_t instructions(void)
{
    uint32_t count;
    /* Newer binutils count this instruction as an extension of its own. */
    __asm__ volatile(".option push\n.option arch, +zicsr\ncsrr %0, minstret\n.option pop"
                     : "=r"(count));
    return count;
}

/* Weights of the size that networks start from. */
static void start(void)
{
    uint32_t state = 1;
    for (uint32_t i = 0; i < GFL_PARAMETERS_MAX; i++) {
        state = state * 1664525u + 1013904223u;
        x[i] = (float)(int32_t)(state >> 8 & 0xFFFF) * 0x1p-17f - 0.25f;
    }
}

int main(void)
{
    static const struct gfl_samples samples = { SAMPLES, SAMPLE_INPUTS, SAMPLE_CLASSES,
                                                read_sample, NULL };
    static const struct gfl_model model = { 2, { 64, 32, 10 } };
    static const struct gfl_step step = { 0.1f, 0 };
    uint32_t places[BATCH];
    board_start();
    start();
    for (uint32_t i = 0; i < STEPS; i++) {
        for (uint32_t row = 0; row < BATCH; row++)
            places[row] = (BATCH * i + row) % SAMPLES;
        uint32_t before = instructions();
        gfl_model_step(&model, x, &samples, places, BATCH, &step, &workspace);
        board_steps[i] = instructions() - before;
    }
    board_steps[STEPS] = 1;
    for (;;)
        board_wait();
}
