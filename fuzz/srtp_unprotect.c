/*
 * SRTP and SRTCP from the network. The first byte chooses profile and kind; what is not authentic
 * is refused, and a packet of ours is accepted after it, once.
 */
#include <assert.h>
#include <errno.h>

#include "proto/srtp.h"

enum { PACKET_SIZE_MAX = 2048 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void receive(struct srtp_receiver *r, const uint8_t *data, size_t size, bool is_rtcp)
{
    uint8_t packet[PACKET_SIZE_MAX];
    memcpy(packet, data, size);
    size_t plain_size = size;
    const int result = is_rtcp ? srtp_unprotect_rtcp(r, packet, &plain_size)
                               : srtp_unprotect(r, packet, &plain_size, NULL);
    assert(result < 0 || plain_size < size);
}

static void receive_ours(struct srtp_sender *s, struct srtp_receiver *r)
{
    static const uint8_t header[12] = {0x80, 96, 0, 1, [11] = 0x77};
    uint8_t packet[64];
    for (int expected = 0; expected <= 1; expected++) {
        size_t size = srtp_protect(s, 1, bytes_of(header, sizeof(header)), (struct bytes){0},
                                   bytes_of_text("payload"), packet);
        const int result = srtp_unprotect(r, packet, &size, NULL);
        assert(result == (expected ? -EALREADY : 0));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct srtp_engine *engine;
    if (size < 1 || size > PACKET_SIZE_MAX) {
        return 0;
    }
    engine = engine ? engine : srtp_engine_create();
    const struct srtp_keys keys = {
        .profile = data[0] & 1 ? SRTP_PROFILE_GCM : SRTP_PROFILE_SHA1_80, .key = {1}, .salt = {2}};
    struct srtp_receiver *r = srtp_receiver_create(engine, &keys);
    struct srtp_sender *s = srtp_sender_create(engine, &keys);
    receive(r, data + 1, size - 1, data[0] & 2);
    receive_ours(s, r);
    srtp_receiver_destroy(r);
    srtp_sender_destroy(s);
    return 0;
}
