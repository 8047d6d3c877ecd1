#include "gossipfl_esp.h"

#include "driver/uart.h"
#include "esp_partition.h"
#include "esp_random.h"
#include "esp_timer.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"

#define SECTOR 4096
#define WAIT_MS_MAX 20u

static const esp_partition_t *partition;

static uart_port_t uart_of(void *context)
{
    return (uart_port_t)(intptr_t)context;
}

static void send_bytes(void *context, const uint8_t *bytes, size_t count)
{
    uart_write_bytes(uart_of(context), bytes, count);
}

static size_t receive_bytes(void *context, uint8_t *bytes, size_t room)
{
    int count = uart_read_bytes(uart_of(context), bytes, (uint32_t)room, 0);
    return count > 0 ? (size_t)count : 0;
}

static uint32_t clock_ms(void *context)
{
    (void)context;
    return (uint32_t)(esp_timer_get_time() / 1000);
}

static void random_bytes(void *context, uint8_t *bytes, size_t count)
{
    (void)context;
    esp_fill_random(bytes, count);
}

static bool use_flash(void *context, enum gfl_flash what, uint32_t offset, uint8_t *bytes,
                      uint32_t count)
{
    (void)context;
    if (what == GFL_FLASH_READ)
        return esp_partition_read(partition, offset, bytes, count) == ESP_OK;
    if (what == GFL_FLASH_PROGRAM)
        return esp_partition_write(partition, offset, bytes, count) == ESP_OK;
    return esp_partition_erase_range(partition, offset, count) == ESP_OK;
}

bool gossipfl_esp_port(struct gfl_port *port, int uart)
{
    partition = esp_partition_find_first(ESP_PARTITION_TYPE_DATA, ESP_PARTITION_SUBTYPE_ANY,
                                         "gossipfl");
    *port = (struct gfl_port){ send_bytes, receive_bytes, clock_ms, random_bytes, use_flash,
                               (void *)(intptr_t)uart };
    return partition && partition->size >= 2 * GFL_SLOT_BYTES && GFL_SLOT_BYTES % SECTOR == 0;
}

void gossipfl_esp_run(struct gfl_agent *agent)
{
    for (;;) {
        /* Bytes may come meanwhile, so no wait is long. */
        uint32_t due_ms = gfl_poll(agent);
        vTaskDelay(pdMS_TO_TICKS(due_ms < WAIT_MS_MAX ? due_ms : WAIT_MS_MAX));
    }
}
