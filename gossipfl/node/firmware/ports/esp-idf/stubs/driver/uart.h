/* Stub: as much of ESP-IDF as the port uses, so that it compiles where ESP-IDF is not installed. */
#include <stddef.h>
#include <stdint.h>
typedef int uart_port_t;
int uart_write_bytes(uart_port_t uart, const void *bytes, size_t count);
int uart_read_bytes(uart_port_t uart, void *bytes, uint32_t count, uint32_t ticks);
