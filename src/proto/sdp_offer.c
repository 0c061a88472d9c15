#include "proto/sdp_offer.h"

#include <errno.h>

#include "proto/sdp_words.h"
#include "proto/sdp_write.h"

enum {
    /* RFC 5761 §4: payload types that look like RTCP when they share a port with it */
    RTCP_LIKE_FIRST = 64,
    RTCP_LIKE_LAST = 95,
};

/* --- profiles --- */

/* RFC 6184 §8.1, table 5: what a decoder of one can read, the other can too. */
enum profile { CONSTRAINED_BASELINE, BASELINE, MAIN, EXTENDED, HIGH, CONSTRAINED_HIGH, OTHER };

static enum profile profile_of(const uint8_t id[3])
{
    static const struct {
        uint8_t idc, mask, flags;
        enum profile profile;
    } rows[] = {
        {0x42, 0x4f, 0x40, CONSTRAINED_BASELINE},
        {0x4d, 0x8f, 0x80, CONSTRAINED_BASELINE},
        {0x58, 0xcf, 0xc0, CONSTRAINED_BASELINE},
        {0x42, 0x4f, 0x00, BASELINE},
        {0x58, 0xcf, 0x80, BASELINE},
        {0x4d, 0xaf, 0x00, MAIN},
        {0x58, 0xcf, 0x00, EXTENDED},
        {0x64, 0xff, 0x00, HIGH},
        {0x64, 0xff, 0x0c, CONSTRAINED_HIGH},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (id[0] == rows[i].idc && (id[1] & rows[i].mask) == rows[i].flags) {
            return rows[i].profile;
        }
    }
    return OTHER;
}

static bool is_same_profile(const uint8_t a[3], const uint8_t b[3])
{
    return profile_of(a) == profile_of(b) && (profile_of(a) != OTHER || a[0] == b[0]);
}

/* How well an offered profile suits: the real one, else constrained baseline, else baseline (every
 * decoder of that reads the constrained one), else any. */
static int rank_profile(const uint8_t offered[3], const uint8_t *real)
{
    if (real && is_same_profile(offered, real)) {
        return 3;
    }
    switch (profile_of(offered)) {
    case CONSTRAINED_BASELINE:
        return 2;
    case BASELINE:
        return 1;
    default:
        return 0;
    }
}

/* Decoders that name one profile of 8 bits and 4:2:0 read the others too, as all browsers do. 10
 * bits, 4:2:2 and 4:4:4 are for those who name them. */
static bool is_readable(const uint8_t offered[3], const uint8_t *real)
{
    return !real || real[0] == 0x42 || real[0] == 0x4d || real[0] == 0x58 || real[0] == 0x64 ||
           is_same_profile(offered, real);
}

/* --- choosing --- */

/* The best that is offered; NULL: none, why in *reason. */
static const struct sdp_codec *choose_codec(const struct sdp_media *m, const uint8_t *real,
                                            struct sdp_h264 *h264, const char **reason)
{
    *reason = "the offer has no H.264 with packetization-mode=1";
    const struct sdp_codec *best = NULL;
    int best_rank = -1;
    for (unsigned i = 0; i < m->n_codecs; i++) {
        const struct sdp_codec *codec = &m->codecs[i];
        struct sdp_h264 h;
        if (!sdp_read_h264(codec, &h) || h.packetization_mode != 1 ||
            (codec->payload_type >= RTCP_LIKE_FIRST && codec->payload_type <= RTCP_LIKE_LAST)) {
            continue;
        }
        if (!is_readable(h.profile_level_id, real)) {
            *reason = "the stream's H.264 profile (10 bits, 4:2:2 or 4:4:4) is not in the offer: "
                      "this player cannot decode it over WebRTC";
            continue;
        }
        const int rank = rank_profile(h.profile_level_id, real);
        if (rank > best_rank) {
            best = codec;
            best_rank = rank;
            *h264 = h;
        }
    }
    return best;
}

/* A video that wants to receive; port 0 means refused unless it is bundle-only (RFC 9143 §6). */
static bool is_wanted(const struct sdp_media *m)
{
    return sdp_is_text(m->kind, "video") && (m->port != 0 || m->is_bundle_only) &&
           (m->direction == SDP_RECVONLY || m->direction == SDP_SENDRECV);
}

/* 0, or the error and its reason for a video that we could otherwise send. */
static int check_transport(const struct sdp *offer, const struct sdp_media *m, const char **reason)
{
    if (m->ufrag.size == 0 || m->password.size == 0) {
        *reason = "the offer's video has no ICE credentials (a=ice-ufrag, a=ice-pwd)";
        return -EBADMSG;
    }
    if (m->n_fingerprints == 0) {
        *reason = "the offer's video has no certificate fingerprint (a=fingerprint with SHA-256, "
                  "SHA-384 or SHA-512)";
        return -EBADMSG;
    }
    if (offer->is_ice_lite) {
        *reason = "the offer is of an ICE-lite agent, as this server is: one side must be full";
        return -ENOTSUP;
    }
    if (!m->has_rtcp_mux) {
        *reason = "the offer does not put RTP and RTCP on one port (a=rtcp-mux)";
        return -ENOTSUP;
    }
    if (m->setup == SDP_PASSIVE || m->setup == SDP_HOLDCONN) {
        *reason = "the offer's DTLS role is not actpass or active (a=setup)";
        return -ENOTSUP;
    }
    return 0;
}

/* The level may be ours only where both sides may differ (RFC 6184 §8.2.2). */
static void declare_level(struct sdp_h264 *h, const uint8_t *real)
{
    if (real && h->has_level_asymmetry) {
        h->profile_level_id[2] = real[2];
    }
}

static void accept_codec(const struct sdp_media *m, const struct sdp_codec *codec,
                         struct sdp_video *v)
{
    const struct sdp_codec *rtx = sdp_find_rtx(m, codec->payload_type);
    v->payload_type = codec->payload_type;
    v->has_rtx = rtx && codec->feedback & SDP_NACK;
    v->rtx_payload_type = v->has_rtx ? rtx->payload_type : 0;
    v->feedback = codec->feedback;
    v->extensions = m->extensions;
    if (m->mid.size > RTP_MID_SIZE_MAX) {
        v->extensions.mid = 0;
    }
}

int sdp_offer_choose(const struct sdp *offer, const uint8_t real_profile[3], struct sdp_video *out,
                     const char **reason)
{
    *reason = "the offer has no video that wants to receive";
    for (unsigned i = 0; i < offer->n_media; i++) {
        const struct sdp_media *m = &offer->media[i];
        struct sdp_video v = {.media_index = i};
        if (!is_wanted(m)) {
            continue;
        }
        const struct sdp_codec *codec = choose_codec(m, real_profile, &v.h264, reason);
        if (!codec) {
            continue;
        }
        const int result = check_transport(offer, m, reason);
        if (result < 0) {
            return result;
        }
        declare_level(&v.h264, real_profile);
        accept_codec(m, codec, &v);
        *reason = NULL;
        *out = v;
        return 0;
    }
    return -ENOTSUP;
}

/* --- our own offer --- */

void sdp_offer_write(const struct sdp_offer *o, struct text *out)
{
    static const char *const profiles[] = {"42e01f", "42001f", "4d001f", "64001f"};
    enum { N_PROFILES = sizeof(profiles) / sizeof(profiles[0]), FIRST_TYPE = 96 };
    sdp_write_session(out, o->session_id);
    text_append(out, "a=group:BUNDLE 0\r\na=msid-semantic: WMS *\r\n"
                     "m=video 9 UDP/TLS/RTP/SAVPF");
    for (unsigned i = 0; i < 2 * N_PROFILES; i++) {
        text_printf(out, " %u", FIRST_TYPE + i);
    }
    text_append(out, "\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=recvonly\r\na=rtcp-mux\r\n"
                     "a=rtcp-rsize\r\na=rtcp-xr:rcvr-rtt=all\r\n");
    sdp_write_transport(out, &(struct sdp_transport){
                                 .ufrag = o->ufrag,
                                 .password = o->password,
                                 .fingerprint = o->fingerprint,
                                 .setup = "actpass",
                                 .candidates = o->candidates,
                                 .n_candidates = o->n_candidates,
                             });
    for (unsigned e = 0; e < SDP_N_EXTENSIONS; e++) {
        text_printf(out, "a=extmap:%u %s\r\n", e + 1, sdp_extension_uri((enum sdp_extension)e));
    }
    for (unsigned i = 0; i < N_PROFILES; i++) {
        const unsigned type = FIRST_TYPE + 2 * i;
        text_printf(out,
                    "a=rtpmap:%u H264/90000\r\n"
                    "a=fmtp:%u level-asymmetry-allowed=1;packetization-mode=1;"
                    "profile-level-id=%s\r\n",
                    type, type, profiles[i]);
        sdp_write_feedback(out, type, SDP_NACK | SDP_NACK_PLI | SDP_CCM_FIR | SDP_GOOG_REMB);
        text_printf(out, "a=rtpmap:%u rtx/90000\r\na=fmtp:%u apt=%u\r\n", type + 1, type + 1, type);
    }
}
