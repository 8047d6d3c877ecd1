/* A device as a process: its wire UDP, its flash a file.  For trying gateways without a board.
 *
 *     device HOST PORT FLASH-FILE [CODE] */
#define _POSIX_C_SOURCE 200809L
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "gossipfl.h"
#include "samples.h"

struct host {
    int socket, flash, random;
};

static struct gfl_agent agent;

static void fail(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

static uint16_t read_sample(void *context, uint32_t place, float *features)
{
    (void)context;
    memcpy(features, sample_features[place], sizeof sample_features[place]);
    return sample_classes[place];
}

static void send_bytes(void *context, const uint8_t *bytes, size_t count)
{
    const struct host *host = context;
    /* Lost datagrams are asked for again, so errors need no answer. */
    (void)!send(host->socket, bytes, count, 0);
}

static size_t receive_bytes(void *context, uint8_t *bytes, size_t room)
{
    static uint8_t datagram[GFL_WIRE_MAX];
    static size_t length, taken;
    const struct host *host = context;
    if (taken == length) {
        ssize_t count = recv(host->socket, datagram, sizeof datagram, MSG_DONTWAIT);
        length = count > 0 ? (size_t)count : 0;
        taken = 0;
    }
    size_t count = length - taken < room ? length - taken : room;
    memcpy(bytes, datagram + taken, count);
    taken += count;
    return count;
}

static uint32_t clock_ms(void *context)
{
    struct timespec now;
    (void)context;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint32_t)(now.tv_sec * 1000 + now.tv_nsec / 1000000);
}

static void random_bytes(void *context, uint8_t *bytes, size_t count)
{
    const struct host *host = context;
    if (read(host->random, bytes, count) != (ssize_t)count)
        fail("/dev/urandom");
}

static bool use_flash(void *context, enum gfl_flash what, uint32_t offset, uint8_t *bytes,
                      uint32_t count)
{
    const struct host *host = context;
    static uint8_t erased[GFL_SLOT_BYTES];
    if (what == GFL_FLASH_READ)
        return pread(host->flash, bytes, count, offset) == (ssize_t)count;
    if (what == GFL_FLASH_ERASE)
        bytes = memset(erased, 0xFF, sizeof erased);
    return pwrite(host->flash, bytes, count, offset) == (ssize_t)count;
}

static int open_wire(const char *address, const char *port)
{
    struct sockaddr_in gateway = { .sin_family = AF_INET };
    gateway.sin_port = htons((uint16_t)atoi(port));
    int wire = socket(AF_INET, SOCK_DGRAM, 0);
    if (inet_pton(AF_INET, address, &gateway.sin_addr) != 1)
        errno = EINVAL;
    else if (wire >= 0 && !connect(wire, (struct sockaddr *)&gateway, sizeof gateway))
        return wire;
    fail(address);
    return -1;
}

static struct host open_host(char **arguments)
{
    struct host host = { open_wire(arguments[1], arguments[2]),
                         open(arguments[3], O_RDWR | O_CREAT, 0600),
                         open("/dev/urandom", O_RDONLY) };
    if (host.flash < 0 || host.random < 0)
        fail(arguments[3]);
    return host;
}

static void report(void)
{
    static uint32_t reported;
    if (agent.state.exchanges == reported)
        return;
    reported = agent.state.exchanges;
    printf("exchange %u, loss %.4f, %u bytes sent\n", (unsigned)reported,
           (double)agent.statistics.loss, (unsigned)agent.statistics.bytes_sent);
    fflush(stdout);
}

int main(int count, char **arguments)
{
    if (count < 4) {
        fprintf(stderr, "usage: %s HOST PORT FLASH-FILE [CODE]\n", arguments[0]);
        return 2;
    }
    struct host host = open_host(arguments);
    struct gfl_port port = { send_bytes, receive_bytes, clock_ms, random_bytes, use_flash, &host };
    struct gfl_samples samples = { SAMPLES, SAMPLE_INPUTS, SAMPLE_CLASSES, read_sample, NULL };
    gfl_start(&agent, &port, &samples);
    if (!gfl_enrolled(&agent) && (count < 5 || !gfl_enrol(&agent, arguments[4]))) {
        fprintf(stderr, "not enrolled: give the code that the gateway printed\n");
        return 2;
    }
    while (agent.phase != GFL_ASLEEP && agent.phase != GFL_FAILED) {
        uint32_t due_ms = gfl_poll(&agent);
        struct pollfd wire = { host.socket, POLLIN, 0 };
        poll(&wire, 1, due_ms > 60000 ? 60000 : (int)due_ms);
        report();
    }
    return agent.phase == GFL_FAILED;
}
