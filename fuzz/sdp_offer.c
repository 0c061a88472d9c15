/* WHEP offers: for every one that we accept, our answer is one that our client accepts. */
#include <assert.h>
#include <stdlib.h>

#include "proto/sdp_answer.h"
#include "proto/sdp_offer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void answer(const struct sdp *offer, const struct sdp_video *v, struct sdp *back)
{
    const struct endpoint candidate = {.version = 4, .ip = {127, 0, 0, 1}, .port = 8189};
    const struct sdp_answer a = {
        .session_id = 1,
        .ufrag = "oursours",
        .password = "passwordpasswordpassword",
        .fingerprint = "sha-256 5A:C6:9F:70:F0:A4:CE:4D:E1:84:4E:A4:3C:AA:F5:C0:ED:CC:9C:BC:A9:A9:"
                       "72:0E:6D:D6:44:86:E8:3E:1B:C7",
        .candidates = &candidate,
        .n_candidates = 1,
        .stream_id = "cam",
        .track_id = "video",
        .cname = "avocet",
        .ssrc = 1,
        .rtx_ssrc = 2,
    };
    struct text text = {0};
    struct sdp_video read;
    sdp_answer_write(offer, v, &a, &text);
    assert(!text.error);
    if (sdp_parse(text_bytes(&text), back) == 0) {
        assert(back->n_media == offer->n_media);
        assert(sdp_answer_read(back, &read) == 0);
        assert(read.media_index == v->media_index && read.payload_type == v->payload_type);
        assert(read.has_rtx == v->has_rtx && read.rtx_payload_type == v->rtx_payload_type);
    } else {
        assert(!"our answer is unreadable");
    }
    text_finish(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t profiles[4][3] = {
        {0x42, 0xc0, 0x1f}, {0x4d, 0x40, 0x28}, {0x64, 0x00, 0x33}, {0xf4, 0, 0x1f}};
    struct sdp *offer = malloc(sizeof(*offer)), *back = malloc(sizeof(*back));
    if (sdp_parse(bytes_of(data, size), offer) == 0) {
        for (unsigned i = 0; i <= 4; i++) {
            struct sdp_video v;
            const char *reason;
            if (sdp_offer_choose(offer, i < 4 ? profiles[i] : NULL, &v, &reason) == 0) {
                answer(offer, &v, back);
            } else {
                assert(reason);
            }
        }
    }
    free(offer);
    free(back);
    return 0;
}
