/* CMSDK UART 0 with an interrupt for each byte, and the core's own timer. */
#include "board.h"

#define UART ((volatile uint32_t *)0x40004000u) /* data, state, control, interrupt, divider */
#define TIMER ((volatile uint32_t *)0xE000E010u) /* control, reload */
#define INTERRUPTS (*(volatile uint32_t *)0xE000E100u)
#define CLOCK_HZ 25000000u
#define FULL_OUT 1u
#define FULL_IN 2u
#define RING 512u /* holds the longest answer; a power of two */

static volatile uint8_t ring[RING];
static volatile uint32_t written, ticks;
static uint32_t taken;

void board_on_tick(void);
void board_on_byte(void);

void board_on_tick(void)
{
    ticks++;
}

void board_on_byte(void)
{
    UART[3] = 2;
    while (UART[1] & FULL_IN)
        ring[written++ % RING] = (uint8_t)UART[0];
}

void board_start(void)
{
    UART[4] = CLOCK_HZ / 115200;
    UART[2] = 1 | 2 | 8; /* send, receive, interrupt on receiving */
    INTERRUPTS = 1;
    TIMER[1] = CLOCK_HZ / 1000 - 1;
    TIMER[0] = 7;
}

void board_send(uint8_t byte)
{
    while (UART[1] & FULL_OUT)
        ;
    UART[0] = byte;
}

int board_receive(void)
{
    return taken == written ? -1 : ring[taken++ % RING];
}

uint32_t board_clock_ms(void)
{
    return ticks;
}

void board_wait(void)
{
    __asm volatile("wfi");
}
