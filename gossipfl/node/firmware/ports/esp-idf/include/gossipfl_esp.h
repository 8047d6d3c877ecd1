/* The agent's port on ESP-IDF: a UART, the data partition "gossipfl", and the chip's noise source. */
#ifndef GOSSIPFL_ESP_H
#define GOSSIPFL_ESP_H

#include "gossipfl.h"

/* Fill in a port on a UART whose driver is installed.  False where there is no partition "gossipfl" of
 * at least 2 GFL_SLOT_BYTES; GFL_SLOT_BYTES must be whole sectors of 4096.  The chip's noise source is
 * only true noise while its radio is on or bootloader_random_enable() was called. */
bool gossipfl_esp_port(struct gfl_port *port, int uart);

/* Poll for ever, leaving the processor to others in between: the body of a task. */
void gossipfl_esp_run(struct gfl_agent *agent);

#endif
