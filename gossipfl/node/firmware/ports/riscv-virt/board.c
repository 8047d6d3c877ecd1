/* A 16550 UART, polled, and the core's timer of 10 MHz. */
#include "board.h"

#define UART ((volatile uint8_t *)0x10000000u)
#define TIMER ((volatile uint32_t *)0x0200BFF8u)
#define LINE_STATE 5
#define CAN_TAKE 1u
#define CAN_PUT 0x20u
#define TICKS_PER_MS 10000u

void board_start(void)
{
    UART[2] = 1; /* buffers on */
}

void board_send(uint8_t byte)
{
    while (!(UART[LINE_STATE] & CAN_PUT))
        ;
    UART[0] = byte;
}

int board_receive(void)
{
    return UART[LINE_STATE] & CAN_TAKE ? UART[0] : -1;
}

uint32_t board_clock_ms(void)
{
    uint32_t high, low;
    do {
        high = TIMER[1];
        low = TIMER[0];
    } while (high != TIMER[1]);
    return (uint32_t)(((uint64_t)high << 32 | low) / TICKS_PER_MS);
}

void board_wait(void)
{
}
