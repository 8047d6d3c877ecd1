/* The functions that compilers call by themselves, for boards without a C library. */
#include <stddef.h>

void *memcpy(void *to, const void *from, size_t length);
void *memset(void *to, int value, size_t length);

void *memcpy(void *to, const void *from, size_t length)
{
    char *target = to;
    const char *source = from;
    while (length--)
        *target++ = *source++;
    return to;
}

void *memset(void *to, int value, size_t length)
{
    char *target = to;
    while (length--)
        *target++ = (char)value;
    return to;
}
