/* A device without an operating system: the agent in a super-loop, its wire the UART.
 *
 * Until it is enrolled, it takes a line from the UART, the code that the gateway printed.  QEMU's boards
 * have neither flash nor a source of noise: state lies in memory that a reset leaves alone, and chance is
 * drawn from the code, which nobody else knows.  A real board has better; see docs/device-protocol.md for
 * what depends on it. */
#include "blake2b.h"
#include "board.h"
#include "bytes.h"
#include "gossipfl.h"
#include "samples.h"

#define LINE_MAX 64

static struct gfl_agent agent;
static uint8_t flash[2 * GFL_SLOT_BYTES] __attribute__((section(".noinit")));
static struct { uint32_t drawn; uint8_t secret[64]; } chance __attribute__((section(".noinit")));

/* Where a debugger finds the model. */
float *const board_model = agent.state.link.x;
float *const board_anchor = agent.state.link.anchor;

static uint16_t read_sample(void *context, uint32_t place, float *features)
{
    (void)context;
    gfl_copy(features, sample_features[place], sizeof sample_features[place]);
    return sample_classes[place];
}

static void send_bytes(void *context, const uint8_t *bytes, size_t count)
{
    (void)context;
    while (count--)
        board_send(*bytes++);
}

static size_t receive_bytes(void *context, uint8_t *bytes, size_t room)
{
    size_t count = 0;
    int byte;
    (void)context;
    while (count < room && (byte = board_receive()) >= 0)
        bytes[count++] = (uint8_t)byte;
    return count;
}

static uint32_t clock_ms(void *context)
{
    (void)context;
    return board_clock_ms();
}

static void random_bytes(void *context, uint8_t *bytes, size_t count)
{
    uint8_t drawn[32];
    struct gfl_blake2b hash;
    (void)context;
    while (count) {
        size_t part = count < sizeof drawn ? count : sizeof drawn;
        gfl_blake2b_start(&hash, sizeof drawn, chance.secret, sizeof chance.secret);
        chance.drawn++;
        gfl_blake2b_add(&hash, &chance.drawn, sizeof chance.drawn);
        gfl_blake2b_finish(&hash, drawn);
        gfl_copy(bytes, drawn, part);
        bytes += part;
        count -= part;
    }
}

static bool use_flash(void *context, enum gfl_flash what, uint32_t offset, uint8_t *bytes,
                      uint32_t count)
{
    (void)context;
    if (what == GFL_FLASH_READ)
        gfl_copy(bytes, flash + offset, count);
    else if (what == GFL_FLASH_PROGRAM)
        gfl_copy(flash + offset, bytes, count);
    else
        gfl_fill(flash + offset, 0xFF, count);
    return true;
}

static void read_line(char line[LINE_MAX])
{
    size_t length = 0;
    for (int byte = board_receive(); byte != '\n'; byte = board_receive()) {
        if (byte < 0)
            board_wait();
        else if (length < LINE_MAX - 1)
            line[length++] = (char)byte;
    }
    line[length] = 0;
}

static void enrol(void)
{
    char line[LINE_MAX];
    gfl_fill(line, 0, sizeof line);
    read_line(line);
    gfl_copy(chance.secret, line, sizeof chance.secret);
    chance.drawn = 0;
    gfl_enrol(&agent, line);
    gfl_wipe(line, sizeof line);
}

int main(void)
{
    static const struct gfl_port port = { send_bytes, receive_bytes, clock_ms, random_bytes,
                                          use_flash, NULL };
    static const struct gfl_samples samples = { SAMPLES, SAMPLE_INPUTS, SAMPLE_CLASSES,
                                                read_sample, NULL };
    board_start();
    gfl_start(&agent, &port, &samples);
    while (!gfl_enrolled(&agent))
        enrol();
    for (;;)
        if (gfl_poll(&agent))
            board_wait();
}
