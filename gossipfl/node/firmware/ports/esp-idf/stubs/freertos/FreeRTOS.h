/* Stub, see driver/uart.h. */
#include <stdint.h>
#define pdMS_TO_TICKS(ms) ((ms) / 10)
