/* What a demonstration learns from, until a board has sensors: GFL_SAMPLES_FILE holds the rows.
 *
 * That file defines SAMPLES, SAMPLE_INPUTS and SAMPLE_CLASSES, and then FEATURES and CLASSES, the rows of
 * two initialisers; `scripts/firmware` writes one. */
#ifndef GFL_SAMPLES_H
#define GFL_SAMPLES_H

#include <stdint.h>

#include GFL_SAMPLES_FILE

#define GFL_SAMPLE_DATA __attribute__((section(".samples")))

static const float sample_features[SAMPLES][SAMPLE_INPUTS] GFL_SAMPLE_DATA = { FEATURES };
static const uint16_t sample_classes[SAMPLES] GFL_SAMPLE_DATA = { CLASSES };

#endif
