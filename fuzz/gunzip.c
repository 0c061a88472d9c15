#include <stddef.h>
#include <stdint.h>

#include "web/gunzip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t out[4096];
    gunzip(bytes_of(data, size), out, sizeof(out));
    return 0;
}
