#include <errno.h>

#include "proto/sdp_parser.h"
#include "proto/sdp_words.h"

enum {
    UFRAG_SIZE_MIN = 4, /* RFC 8839 §5.4 */
    PASSWORD_SIZE_MIN = 22,
    ICE_TEXT_SIZE_MAX = 256,
    PAYLOAD_TYPE_MAX = 127,
    EXTENSION_ID_MAX = 14, /* of the one-byte form, the only one that we write */
};

/* One function for each attribute; value is what follows the colon. */

static struct sdp_codec *find_codec(struct sdp_media *m, struct bytes payload_type)
{
    uint32_t number;
    if (!sdp_parse_number(payload_type, PAYLOAD_TYPE_MAX, &number)) {
        return NULL;
    }
    return (struct sdp_codec *)sdp_find_codec(m, (uint8_t)number);
}

/* "96 H264/90000" */
static void on_rtpmap(struct sdp_parser *p, struct bytes value)
{
    struct sdp_codec *codec = find_codec(p->media, sdp_cut_word(&value));
    if (codec) {
        codec->name = sdp_cut(&value, '/');
        sdp_parse_number(sdp_cut(&value, '/'), UINT32_MAX, &codec->clock_rate);
    }
}

/* "96 packetization-mode=1;..." */
static void on_fmtp(struct sdp_parser *p, struct bytes value)
{
    struct sdp_codec *codec = find_codec(p->media, sdp_cut_word(&value));
    if (codec) {
        codec->fmtp = sdp_trim(value);
    }
}

static uint8_t feedback_of(struct bytes text)
{
    static const struct {
        const char *text;
        enum sdp_feedback feedback;
    } rows[] = {
        {"nack", SDP_NACK},           {"nack pli", SDP_NACK_PLI}, {"ccm fir", SDP_CCM_FIR},
        {"goog-remb", SDP_GOOG_REMB}, {"rrtr", SDP_RRTR},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (sdp_is_text(text, rows[i].text)) {
            return (uint8_t)rows[i].feedback;
        }
    }
    return 0;
}

/* "96 nack pli" or "* nack" */
static void on_rtcp_fb(struct sdp_parser *p, struct bytes value)
{
    const struct bytes payload_type = sdp_cut_word(&value);
    const uint8_t feedback = feedback_of(sdp_trim(value));
    struct sdp_codec *codec = find_codec(p->media, payload_type);
    if (codec) {
        codec->feedback |= feedback;
    } else if (sdp_is_text(payload_type, "*")) {
        p->media->feedback_of_all |= feedback;
    }
}

/* "5/recvonly http://... attributes" */
static void on_extmap(struct sdp_parser *p, struct bytes value)
{
    struct bytes direction = sdp_cut_word(&value);
    uint32_t id;
    if (!sdp_parse_number(sdp_cut(&direction, '/'), EXTENSION_ID_MAX, &id) ||
        sdp_is_text(direction, "sendonly") || sdp_is_text(direction, "inactive")) {
        return; /* nothing that we could send */
    }
    const struct bytes uri = sdp_cut_word(&value);
    for (unsigned e = 0; e < SDP_N_EXTENSIONS; e++) {
        if (bytes_equal(uri, bytes_of_text(sdp_extension_uri((enum sdp_extension)e)))) {
            *sdp_extension_id(&p->media->extensions, (enum sdp_extension)e) = (uint8_t)id;
            p->media->recvonly_extensions |= (uint8_t)(sdp_is_text(direction, "recvonly") << e);
        }
    }
}

static void on_extmap_allow_mixed(struct sdp_parser *p, struct bytes value)
{
    p->sdp->has_extmap_allow_mixed = true;
}

/* "BUNDLE 0 1" */
static void on_group(struct sdp_parser *p, struct bytes value)
{
    if (sdp_is_text(sdp_cut_word(&value), "BUNDLE") && !p->sdp->has_bundle) {
        p->sdp->has_bundle = true;
        p->bundle = value;
    }
}

static void on_mid(struct sdp_parser *p, struct bytes value)
{
    p->media->mid = value;
    p->error |= value.size == 0 || memchr(value.data, ' ', value.size) != NULL;
}

static void on_ice_lite(struct sdp_parser *p, struct bytes value)
{
    p->sdp->is_ice_lite = true;
}

static bool is_ice_text(struct bytes value, size_t size_min)
{
    return value.size >= size_min && value.size <= ICE_TEXT_SIZE_MAX &&
           !memchr(value.data, ' ', value.size);
}

static void on_ice_ufrag(struct sdp_parser *p, struct bytes value)
{
    p->media->ufrag = value;
    p->error |= !is_ice_text(value, UFRAG_SIZE_MIN);
}

static void on_ice_pwd(struct sdp_parser *p, struct bytes value)
{
    p->media->password = value;
    p->error |= !is_ice_text(value, PASSWORD_SIZE_MIN);
}

static void on_fingerprint(struct sdp_parser *p, struct bytes value)
{
    struct sdp_media *m = p->media;
    struct fingerprint f;
    const int result = fingerprint_parse(value, &f);
    if (result == 0 && m->n_fingerprints < SDP_FINGERPRINTS_MAX) {
        m->fingerprints[m->n_fingerprints++] = f;
    }
    p->error |= result == -EBADMSG;
}

static void on_setup(struct sdp_parser *p, struct bytes value)
{
    static const char *const words[] = {
        [SDP_ACTPASS] = "actpass",
        [SDP_ACTIVE] = "active",
        [SDP_PASSIVE] = "passive",
        [SDP_HOLDCONN] = "holdconn",
    };
    for (unsigned i = SDP_ACTPASS; i <= SDP_HOLDCONN; i++) {
        if (sdp_is_text(value, words[i])) {
            p->media->setup = (enum sdp_setup)i;
        }
    }
}

static void on_sendrecv(struct sdp_parser *p, struct bytes value)
{
    p->media->direction = SDP_SENDRECV;
}

static void on_sendonly(struct sdp_parser *p, struct bytes value)
{
    p->media->direction = SDP_SENDONLY;
}

static void on_recvonly(struct sdp_parser *p, struct bytes value)
{
    p->media->direction = SDP_RECVONLY;
}

static void on_inactive(struct sdp_parser *p, struct bytes value)
{
    p->media->direction = SDP_INACTIVE;
}

static void on_bundle_only(struct sdp_parser *p, struct bytes value)
{
    p->media->is_bundle_only = true;
}

static void on_rtcp_mux(struct sdp_parser *p, struct bytes value)
{
    p->media->has_rtcp_mux = true;
}

static void on_rtcp_rsize(struct sdp_parser *p, struct bytes value)
{
    p->media->has_rtcp_rsize = true;
}

/* "rcvr-rtt=all:800 voip-metrics" */
static void on_rtcp_xr(struct sdp_parser *p, struct bytes value)
{
    while (value.size > 0) {
        struct bytes word = sdp_cut_word(&value);
        p->media->has_receiver_rtt |= sdp_is_text(sdp_cut(&word, '='), "rcvr-rtt");
    }
}

/* "1234 cname:x" */
static void on_ssrc(struct sdp_parser *p, struct bytes value)
{
    uint32_t ssrc;
    if (p->media->ssrc == 0 && sdp_parse_number(sdp_cut_word(&value), UINT32_MAX, &ssrc)) {
        p->media->ssrc = ssrc;
    }
}

/* "FID 1234 5678" */
static void on_ssrc_group(struct sdp_parser *p, struct bytes value)
{
    uint32_t ssrc, rtx_ssrc;
    if (sdp_is_text(sdp_cut_word(&value), "FID") &&
        sdp_parse_number(sdp_cut_word(&value), UINT32_MAX, &ssrc) &&
        sdp_parse_number(sdp_cut_word(&value), UINT32_MAX, &rtx_ssrc)) {
        p->media->ssrc = ssrc;
        p->media->rtx_ssrc = rtx_ssrc;
    }
}

/* "foundation 1 udp priority 192.0.2.1 8189 typ host"; other transports and names are left out */
static void on_candidate(struct sdp_parser *p, struct bytes value)
{
    struct sdp_media *m = p->media;
    uint32_t component, port;
    struct endpoint e;
    sdp_cut_word(&value);
    const bool is_rtp = sdp_parse_number(sdp_cut_word(&value), 256, &component) && component == 1;
    const bool is_udp = sdp_is_text(sdp_cut_word(&value), "udp");
    sdp_cut_word(&value);
    if (endpoint_parse_ip(sdp_cut_word(&value), &e) == 0 &&
        sdp_parse_number(sdp_cut_word(&value), UINT16_MAX, &port) && is_rtp && is_udp && port > 0 &&
        m->n_candidates < SDP_CANDIDATES_MAX) {
        e.port = (uint16_t)port;
        m->candidates[m->n_candidates++] = e;
    }
}

static const struct {
    const char *name;
    void (*read)(struct sdp_parser *p, struct bytes value);
} ATTRIBUTES[] = {
    {"bundle-only", on_bundle_only},
    {"candidate", on_candidate},
    {"extmap", on_extmap},
    {"extmap-allow-mixed", on_extmap_allow_mixed},
    {"fingerprint", on_fingerprint},
    {"fmtp", on_fmtp},
    {"group", on_group},
    {"ice-lite", on_ice_lite},
    {"ice-pwd", on_ice_pwd},
    {"ice-ufrag", on_ice_ufrag},
    {"inactive", on_inactive},
    {"mid", on_mid},
    {"recvonly", on_recvonly},
    {"rtcp-fb", on_rtcp_fb},
    {"rtcp-mux", on_rtcp_mux},
    {"rtcp-rsize", on_rtcp_rsize},
    {"rtcp-xr", on_rtcp_xr},
    {"rtpmap", on_rtpmap},
    {"sendonly", on_sendonly},
    {"sendrecv", on_sendrecv},
    {"setup", on_setup},
    {"ssrc", on_ssrc},
    {"ssrc-group", on_ssrc_group},
};

void sdp_read_attribute(struct sdp_parser *p, struct bytes value)
{
    const struct bytes name = sdp_cut(&value, ':');
    for (size_t i = 0; i < sizeof(ATTRIBUTES) / sizeof(ATTRIBUTES[0]); i++) {
        if (bytes_equal(name, bytes_of_text(ATTRIBUTES[i].name))) {
            ATTRIBUTES[i].read(p, sdp_trim(value));
            return;
        }
    }
}
