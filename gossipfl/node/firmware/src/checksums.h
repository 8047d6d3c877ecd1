/* Checksums that find noise, not intent: of frames on the wire, and of records in flash. */
#ifndef GFL_CHECKSUMS_H
#define GFL_CHECKSUMS_H

#include <stddef.h>
#include <stdint.h>

/* CRC-16/CCITT-FALSE: polynomial 0x1021, start 0xFFFF, highest bit first. */
uint16_t gfl_crc16(const uint8_t *bytes, size_t count);

/* One more piece of a CRC-32 (that of Ethernet and zlib), which starts at 0. */
uint32_t gfl_crc32(uint32_t crc, const uint8_t *bytes, size_t count);

#endif
