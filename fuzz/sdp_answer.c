/* What a WHEP server answers to our client. */
#include <assert.h>
#include <stdlib.h>

#include "proto/sdp_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sdp *answer = malloc(sizeof(*answer));
    struct sdp_video v;
    if (sdp_parse(bytes_of(data, size), answer) == 0 && sdp_answer_read(answer, &v) == 0) {
        const struct sdp_media *m = &answer->media[v.media_index];
        assert(m->n_fingerprints > 0 && m->ufrag.size > 0 && m->password.size > 0);
        assert(sdp_find_codec(m, v.payload_type));
    }
    free(answer);
    return 0;
}
