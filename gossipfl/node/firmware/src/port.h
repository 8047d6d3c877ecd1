/* All that a board provides: five functions. */
#ifndef GFL_PORT_H
#define GFL_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum gfl_flash { GFL_FLASH_READ, GFL_FLASH_PROGRAM, GFL_FLASH_ERASE };

struct gfl_port {
    /* One whole encoded frame, the delimiter included; may be lost. */
    void (*send)(void *context, const uint8_t *bytes, size_t count);

    /* Bytes that have come, at most `room`; 0 when there are none.  Never waits. */
    size_t (*receive)(void *context, uint8_t *bytes, size_t room);

    /* Milliseconds since any moment; wraps around. */
    uint32_t (*clock)(void *context);

    /* Unpredictable bytes: keys depend on them. */
    void (*random)(void *context, uint8_t *bytes, size_t count);

    /* The two slots, from offset 0 on.  PROGRAM comes in whole GFL_FLASH_WORDs, in ascending order,
     * and never twice to one word between two ERASEs, which come for whole slots and leave 0xFF.
     * False if it failed. */
    bool (*flash)(void *context, enum gfl_flash what, uint32_t offset, uint8_t *bytes,
                  uint32_t count);

    void *context;
};

#endif
