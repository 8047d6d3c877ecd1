/* What a board without an operating system gives to bare/main.c. */
#ifndef GFL_BOARD_H
#define GFL_BOARD_H

#include <stddef.h>
#include <stdint.h>

void board_start(void);
void board_send(uint8_t byte);

/* A byte that came over the UART, or -1. */
int board_receive(void);
uint32_t board_clock_ms(void);

/* Wait for an interrupt or a while; returning early costs nothing but power. */
void board_wait(void);

#endif
