/* Reset and interrupts of a Cortex-M4F. */
#include <stdint.h>

extern uint32_t data_start, data_end, data_source, bss_start, bss_end, stack_bottom, stack_top;
int main(void);
void reset(void);
void board_on_tick(void);
void board_on_byte(void);

#define STACK_PAINT 0xA5A5A5A5u
#define COPROCESSORS (*(volatile uint32_t *)0xE000ED88u)

/* Painted, so that whoever looks later sees how deep the stack has been. */
static void paint_stack(void)
{
    uint32_t *here = __builtin_frame_address(0);
    for (uint32_t *word = &stack_bottom; word < here - 16; word++)
        *word = STACK_PAINT;
}

void reset(void)
{
    const uint32_t *from = &data_source;
    for (uint32_t *to = &data_start; to < &data_end;)
        *to++ = *from++;
    for (uint32_t *to = &bss_start; to < &bss_end;)
        *to++ = 0;
    /* The floating point unit is off after a reset. */
    COPROCESSORS |= 0xFu << 20;
    __asm volatile("dsb\n isb");
    paint_stack();
    main();
    for (;;)
        ;
}

static void stop(void)
{
    for (;;)
        ;
}

typedef void (*handler)(void);
__attribute__((section(".vectors"), used)) static const handler vectors[17] = {
    (handler)&stack_top, reset, stop, stop, stop, stop, stop, [15] = board_on_tick,
    [16] = board_on_byte,
};
