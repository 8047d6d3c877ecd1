/* Memory without a C library, numbers in little-endian bytes. */
#ifndef GFL_BYTES_H
#define GFL_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void gfl_copy(void *to, const void *from, size_t length);
void gfl_fill(void *to, uint8_t value, size_t length);

/* Takes as long whatever the bytes are. */
bool gfl_equal(const void *first, const void *second, size_t length);

/* Overwrite what must not be found later, in a way that no compiler leaves out. */
void gfl_wipe(void *secret, size_t length);

uint16_t gfl_load16(const uint8_t *from);
uint32_t gfl_load32(const uint8_t *from);
float gfl_load_float(const uint8_t *from);
void gfl_store16(uint8_t *to, uint16_t number);
void gfl_store32(uint8_t *to, uint32_t number);
void gfl_store_float(uint8_t *to, float number);

#endif
