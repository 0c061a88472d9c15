#include "proto/sdp.h"

#include <errno.h>

#include "proto/sdp_parser.h"
#include "proto/sdp_words.h"

enum { PAYLOAD_TYPE_MAX = 127 };

/* --- lines --- */

static void read_codecs(struct sdp_media *m)
{
    struct bytes formats = m->formats;
    uint32_t payload_type;
    while (formats.size > 0 && m->n_codecs < SDP_CODECS_MAX) {
        if (sdp_parse_number(sdp_cut_word(&formats), PAYLOAD_TYPE_MAX, &payload_type)) {
            m->codecs[m->n_codecs++] = (struct sdp_codec){.payload_type = (uint8_t)payload_type};
        }
    }
}

/* "video 9 UDP/TLS/RTP/SAVPF 96 97" */
static int read_media(struct sdp_parser *p, struct bytes value)
{
    if (p->sdp->n_media == SDP_MEDIA_MAX) {
        return -E2BIG;
    }
    struct sdp_media *m = &p->sdp->media[p->sdp->n_media];
    uint32_t port;
    *m = (struct sdp_media){.kind = sdp_cut_word(&value), .direction = p->session.direction};
    struct bytes ports = sdp_cut_word(&value);
    m->protocol = sdp_cut_word(&value);
    m->formats = sdp_trim(value);
    if (m->protocol.size == 0 || m->formats.size == 0 ||
        !sdp_parse_number(sdp_cut(&ports, '/'), UINT16_MAX, &port)) {
        return -EBADMSG;
    }
    m->port = (uint16_t)port;
    read_codecs(m);
    p->sdp->n_media++;
    p->media = m;
    return 0;
}

static int read_line(struct sdp_parser *p, struct bytes line)
{
    for (size_t i = 0; i < line.size; i++) {
        if (line.data[i] == 0x7f || (line.data[i] < ' ' && line.data[i] != '\t')) {
            return -EBADMSG; /* also a CR within: nothing of it may reach our answer */
        }
    }
    if (line.size < 2 || line.data[1] != '=') {
        return -EBADMSG;
    }
    const struct bytes value = bytes_of(line.data + 2, line.size - 2);
    if (line.data[0] == 'm') {
        return read_media(p, value);
    }
    if (line.data[0] == 'a') {
        sdp_read_attribute(p, value);
    }
    return p->error ? -EBADMSG : 0;
}

/* --- the whole --- */

static bool is_in_group(struct bytes group, struct bytes mid)
{
    while (group.size > 0 && mid.size > 0) {
        if (bytes_equal(sdp_cut_word(&group), mid)) {
            return true;
        }
    }
    return false;
}

static void inherit_transport(struct sdp_media *m, const struct sdp_media *from)
{
    if (m->ufrag.size == 0 && m->password.size == 0) {
        m->ufrag = from->ufrag;
        m->password = from->password;
    }
    if (m->n_fingerprints == 0) {
        memcpy(m->fingerprints, from->fingerprints, sizeof(m->fingerprints));
        m->n_fingerprints = from->n_fingerprints;
    }
    m->setup = m->setup == SDP_SETUP_NONE ? from->setup : m->setup;
    m->has_rtcp_mux |= from->has_rtcp_mux;
}

static void inherit_session(struct sdp_media *m, const struct sdp_media *session)
{
    inherit_transport(m, session);
    m->has_rtcp_rsize |= session->has_rtcp_rsize;
    m->has_receiver_rtt |= session->has_receiver_rtt;
    struct rtp_extension_ids ids = session->extensions;
    for (unsigned e = 0; e < SDP_N_EXTENSIONS; e++) {
        uint8_t *own = sdp_extension_id(&m->extensions, (enum sdp_extension)e);
        if (*own == 0) {
            *own = *sdp_extension_id(&ids, (enum sdp_extension)e);
            m->recvonly_extensions |= session->recvonly_extensions & 1u << e;
        }
    }
    for (unsigned i = 0; i < m->n_codecs; i++) {
        m->codecs[i].feedback |= m->feedback_of_all;
    }
}

/* RFC 9143 §7.1.3: a bundled media without transport of its own has that of the group's first. */
static void resolve(struct sdp_parser *p)
{
    struct sdp *s = p->sdp;
    const struct sdp_media *first = NULL;
    for (unsigned i = 0; i < s->n_media; i++) {
        struct sdp_media *m = &s->media[i];
        inherit_session(m, &p->session);
        m->is_bundled = s->has_bundle && is_in_group(p->bundle, m->mid);
        if (m->is_bundled && first) {
            inherit_transport(m, first);
        } else if (m->is_bundled) {
            first = m;
        }
    }
}

int sdp_parse(struct bytes text, struct sdp *out)
{
    struct sdp_parser p = {.sdp = out, .media = &p.session};
    out->n_media = 0;
    out->has_bundle = out->is_ice_lite = out->has_extmap_allow_mixed = false;
    if (text.size > SDP_SIZE_MAX) {
        return -E2BIG;
    }
    for (unsigned n_lines = 0; text.size > 0; n_lines++) {
        struct bytes line = sdp_cut(&text, '\n');
        if (line.size > 0 && line.data[line.size - 1] == '\r') {
            line.size--;
        }
        if (line.size > SDP_LINE_SIZE_MAX || n_lines == SDP_LINES_MAX) {
            return -E2BIG;
        }
        if (n_lines == 0 && !bytes_equal(line, bytes_of_text("v=0"))) {
            return -EBADMSG;
        }
        const int result = line.size > 0 ? read_line(&p, line) : 0;
        if (result < 0) {
            return result;
        }
    }
    resolve(&p);
    return out->n_media > 0 ? 0 : -EBADMSG;
}

/* --- looking things up --- */

const char *sdp_extension_uri(enum sdp_extension e)
{
    static const char *const uris[SDP_N_EXTENSIONS] = {
        [SDP_PLAYOUT_DELAY] = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay",
        [SDP_ABS_SEND_TIME] = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
        [SDP_ABS_CAPTURE_TIME] = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time",
        [SDP_MID] = "urn:ietf:params:rtp-hdrext:sdes:mid",
    };
    return uris[e];
}

uint8_t *sdp_extension_id(struct rtp_extension_ids *ids, enum sdp_extension e)
{
    switch (e) {
    case SDP_PLAYOUT_DELAY:
        return &ids->playout_delay;
    case SDP_ABS_SEND_TIME:
        return &ids->abs_send_time;
    case SDP_ABS_CAPTURE_TIME:
        return &ids->abs_capture_time;
    case SDP_MID:
    case SDP_N_EXTENSIONS:
        break;
    }
    return &ids->mid;
}

struct bytes sdp_fmtp_value(struct bytes fmtp, const char *name)
{
    while (fmtp.size > 0) {
        struct bytes value = sdp_trim(sdp_cut(&fmtp, ';'));
        if (sdp_is_text(sdp_trim(sdp_cut(&value, '=')), name)) {
            return sdp_trim(value);
        }
    }
    return (struct bytes){0};
}

const struct sdp_codec *sdp_find_codec(const struct sdp_media *m, uint8_t payload_type)
{
    for (unsigned i = 0; i < m->n_codecs; i++) {
        if (m->codecs[i].payload_type == payload_type) {
            return &m->codecs[i];
        }
    }
    return NULL;
}

const struct sdp_codec *sdp_find_rtx(const struct sdp_media *m, uint8_t payload_type)
{
    for (unsigned i = 0; i < m->n_codecs; i++) {
        const struct sdp_codec *codec = &m->codecs[i];
        uint32_t apt;
        if (sdp_is_text(codec->name, "rtx") &&
            sdp_parse_number(sdp_fmtp_value(codec->fmtp, "apt"), PAYLOAD_TYPE_MAX, &apt) &&
            apt == payload_type) {
            return codec;
        }
    }
    return NULL;
}

static bool parse_profile(struct bytes text, uint8_t out[3])
{
    uint32_t value = 0;
    for (size_t i = 0; i < text.size; i++) {
        const uint8_t c = text.data[i], lower = c | 0x20;
        if (c >= '0' && c <= '9') {
            value = value << 4 | (c - '0');
        } else if (lower >= 'a' && lower <= 'f') {
            value = value << 4 | (lower - 'a' + 10u);
        } else {
            return false;
        }
    }
    out[0] = (uint8_t)(value >> 16);
    out[1] = (uint8_t)(value >> 8);
    out[2] = (uint8_t)value;
    return text.size == 6;
}

bool sdp_read_h264(const struct sdp_codec *codec, struct sdp_h264 *out)
{
    /* RFC 6184 §8.1: without profile-level-id Baseline at level 1, without a mode 0 */
    struct sdp_h264 h = {.profile_level_id = {0x42, 0x00, 0x0a}};
    const struct bytes profile = sdp_fmtp_value(codec->fmtp, "profile-level-id");
    const struct bytes mode = sdp_fmtp_value(codec->fmtp, "packetization-mode");
    uint32_t number = 0;
    if (!sdp_is_text(codec->name, "H264") || codec->clock_rate != 90000 ||
        (profile.size > 0 && !parse_profile(profile, h.profile_level_id)) ||
        (mode.size > 0 && !sdp_parse_number(mode, 2, &number))) {
        return false;
    }
    h.packetization_mode = (uint8_t)number;
    h.has_level_asymmetry =
        sdp_is_text(sdp_fmtp_value(codec->fmtp, "level-asymmetry-allowed"), "1");
    *out = h;
    return true;
}
