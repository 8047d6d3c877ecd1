/* Stub, see driver/uart.h. */
#include <stdint.h>
void vTaskDelay(uint32_t ticks);
