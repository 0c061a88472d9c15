#include "net/webrtc_profiles.h"

#include "base/time.h"

enum { ROUNDS = 4, PACKETS = 64, PAYLOAD = 1150, HEADER = 12 };

static int64_t time_packets(struct srtp_sender *s, uint64_t first_index)
{
    uint8_t header[HEADER] = {0x80, 96};
    static const uint8_t payload[PAYLOAD];
    uint8_t out[HEADER + PAYLOAD + SRTP_TAG_SIZE_MAX];
    const int64_t start_ns = time_monotonic_ns();
    for (unsigned i = 0; i < PACKETS; i++) {
        bytes_put_u16(header + 2, (uint16_t)(first_index + i));
        srtp_protect(s, first_index + i, bytes_of(header, HEADER), (struct bytes){0},
                     bytes_of(payload, PAYLOAD), out);
    }
    return time_monotonic_ns() - start_ns;
}

/* The best of a few rounds; INT64_MAX when it cannot be had. */
static int64_t measure(struct srtp_engine *engine, enum srtp_profile profile)
{
    const struct srtp_keys keys = {.profile = profile};
    struct srtp_sender *s = srtp_sender_create(engine, &keys);
    int64_t best_ns = INT64_MAX;
    for (unsigned i = 0; s && i < ROUNDS; i++) {
        const int64_t ns = time_packets(s, i * PACKETS);
        best_ns = ns < best_ns ? ns : best_ns;
    }
    srtp_sender_destroy(s);
    return best_ns;
}

void webrtc_profiles_measure(struct srtp_engine *engine, enum srtp_profile out[WEBRTC_PROFILES])
{
    const int64_t gcm_ns = measure(engine, SRTP_PROFILE_GCM);
    const int64_t cm_ns = measure(engine, SRTP_PROFILE_SHA1_80);
    const bool is_gcm_first = gcm_ns <= cm_ns;
    out[is_gcm_first ? 0 : 1] = gcm_ns == INT64_MAX ? SRTP_PROFILE_NONE : SRTP_PROFILE_GCM;
    out[is_gcm_first ? 1 : 0] = cm_ns == INT64_MAX ? SRTP_PROFILE_NONE : SRTP_PROFILE_SHA1_80;
}
