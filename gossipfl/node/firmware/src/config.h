/* Sizes of one device's firmware: everything static follows from these.
 *
 * Override them by -D flags, or in a header of your own that GFL_CONFIG names. */
#ifndef GFL_CONFIG_H
#define GFL_CONFIG_H

#ifdef GFL_CONFIG
#include GFL_CONFIG
#endif

/* 1: this part cannot train.  It sends its samples instead, to a gateway whose operator allows it; the
 * sizes of models below are then as small as they can be. */
#ifndef GFL_UPLOAD
#define GFL_UPLOAD 0
#endif

#if GFL_UPLOAD
#define GFL_PARAMETERS_MAX 1
#define GFL_LAYERS_MAX 1
#define GFL_UNITS_MAX 1
#define GFL_BATCH_MAX 1
#define GFL_ENTRIES_MAX 1
#endif

/* Parameters of the largest model: of a perceptron with widths a, b, c, (a + 1) b + (b + 1) c. */
#ifndef GFL_PARAMETERS_MAX
#define GFL_PARAMETERS_MAX 2410
#endif

/* Dense layers: 1 is softmax regression, 2 a perceptron with one hidden layer. */
#ifndef GFL_LAYERS_MAX
#define GFL_LAYERS_MAX 2
#endif

/* Features of one sample. */
#ifndef GFL_INPUTS_MAX
#define GFL_INPUTS_MAX 64
#endif

/* Units of all layers together, the outputs among them. */
#ifndef GFL_UNITS_MAX
#define GFL_UNITS_MAX 42
#endif

/* Samples in one training step. */
#ifndef GFL_BATCH_MAX
#define GFL_BATCH_MAX 16
#endif

/* 1: SGD keeps a velocity, which takes one more vector of the model's length. */
#ifndef GFL_MOMENTUM
#define GFL_MOMENTUM 0
#endif

/* 1: steps of training compute in integers, for parts without a floating point unit: five times as
 * fast there.  Parameters are held within 64, inputs and activations within 256. */
#ifndef GFL_FIXED_POINT
#define GFL_FIXED_POINT 0
#endif

#if GFL_FIXED_POINT && (GFL_MOMENTUM || GFL_INPUTS_MAX > 511 || GFL_UNITS_MAX > 511)
#error "GFL_FIXED_POINT takes no GFL_MOMENTUM, and at most 511 inputs and units"
#endif

/* Entries of one delta, ours or the gateway's. */
#ifndef GFL_ENTRIES_MAX
#define GFL_ENTRIES_MAX 96
#endif

/* Bytes of one message before it is sealed: 128 to 2000. */
#ifndef GFL_MESSAGE_MAX
#define GFL_MESSAGE_MAX 320
#endif

/* Bytes that the flash programs at once, and each of which it programs only once between erasures. */
#ifndef GFL_FLASH_WORD
#define GFL_FLASH_WORD 8
#endif

/* Bytes of one of the two slots that state is kept in: whole pages of the flash. */
#ifndef GFL_SLOT_BYTES
#define GFL_SLOT_BYTES 49152
#endif

/* Exchanges that a reset makes again at most: then everything is stored anew. */
#ifndef GFL_EXCHANGES_PER_CHECKPOINT
#define GFL_EXCHANGES_PER_CHECKPOINT 32
#endif

#endif
