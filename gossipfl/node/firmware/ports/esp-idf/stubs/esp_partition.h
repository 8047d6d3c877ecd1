/* Stub, see driver/uart.h. */
#include <stddef.h>
#include <stdint.h>
#define ESP_OK 0
#define ESP_PARTITION_TYPE_DATA 1
#define ESP_PARTITION_SUBTYPE_ANY 0xFF
typedef int esp_err_t;
typedef struct { uint32_t address, size; } esp_partition_t;
const esp_partition_t *esp_partition_find_first(int type, int subtype, const char *label);
esp_err_t esp_partition_read(const esp_partition_t *from, size_t offset, void *bytes, size_t count);
esp_err_t esp_partition_write(const esp_partition_t *to, size_t offset, const void *bytes,
                              size_t count);
esp_err_t esp_partition_erase_range(const esp_partition_t *in, size_t offset, size_t count);
