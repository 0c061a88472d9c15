/* A description of plain RTP, from a file. */
#include <assert.h>

#include "proto/sdp_rtp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sdp_rtp out;
    const char *why;
    if (sdp_rtp_read(bytes_of(data, size), &out, &why) == 0) {
        assert(out.payload_type < 128 && out.sets_size <= sizeof(out.sets));
    } else {
        assert(why);
    }
    return 0;
}
