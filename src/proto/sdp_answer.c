#include "proto/sdp_answer.h"

#include <errno.h>
#include <inttypes.h>

#include "proto/sdp_words.h"
#include "proto/sdp_write.h"

static void append(struct text *out, const char *before, struct bytes value)
{
    text_append(out, before);
    text_append_bytes(out, value);
    text_append(out, "\r\n");
}

static void write_session_level(const struct sdp *offer, const struct sdp_media *m,
                                const struct sdp_answer *a, struct text *out)
{
    sdp_write_session(out, a->session_id);
    if (m->is_bundled) {
        append(out, "a=group:BUNDLE ", m->mid);
    }
    text_append(out, "a=ice-lite\r\na=msid-semantic: WMS *\r\n");
    if (offer->has_extmap_allow_mixed) {
        text_append(out, "a=extmap-allow-mixed\r\n");
    }
}

/* RFC 8829 §5.3.1: port 0, still with a format and its mid. */
static void write_refused(const struct sdp_media *m, struct text *out)
{
    struct bytes formats = m->formats;
    text_append(out, "m=");
    text_append_bytes(out, m->kind);
    text_append(out, " 0 ");
    text_append_bytes(out, m->protocol);
    append(out, " ", sdp_cut_word(&formats));
    text_append(out, "c=IN IP4 0.0.0.0\r\n");
    if (m->mid.size > 0) {
        append(out, "a=mid:", m->mid);
    }
    text_append(out, "a=inactive\r\n");
}

static void write_codec(const struct sdp_video *v, struct text *out)
{
    const uint8_t *id = v->h264.profile_level_id;
    text_printf(out,
                "a=rtpmap:%u H264/90000\r\n"
                "a=fmtp:%u %spacketization-mode=1;profile-level-id=%02x%02x%02x\r\n",
                v->payload_type, v->payload_type,
                v->h264.has_level_asymmetry ? "level-asymmetry-allowed=1;" : "", id[0], id[1],
                id[2]);
    sdp_write_feedback(out, v->payload_type, v->feedback);
    if (v->has_rtx) {
        text_printf(out, "a=rtpmap:%u rtx/90000\r\na=fmtp:%u apt=%u\r\n", v->rtx_payload_type,
                    v->rtx_payload_type, v->payload_type);
    }
}

/* What was offered to be received only we answer as sent only (RFC 8285 §5). */
static void write_extensions(const struct sdp_media *m, const struct sdp_video *v, struct text *out)
{
    struct rtp_extension_ids ids = v->extensions;
    for (unsigned e = 0; e < SDP_N_EXTENSIONS; e++) {
        const uint8_t id = *sdp_extension_id(&ids, (enum sdp_extension)e);
        if (id > 0) {
            text_printf(out, "a=extmap:%u%s %s\r\n", id,
                        m->recvonly_extensions >> e & 1 ? "/sendonly" : "",
                        sdp_extension_uri((enum sdp_extension)e));
        }
    }
}

static void write_sources(const struct sdp_video *v, const struct sdp_answer *a, struct text *out)
{
    text_printf(out, "a=msid:%s %s\r\n", a->stream_id, a->track_id);
    if (v->has_rtx) {
        text_printf(out, "a=ssrc-group:FID %" PRIu32 " %" PRIu32 "\r\n", a->ssrc, a->rtx_ssrc);
    }
    text_printf(out, "a=ssrc:%" PRIu32 " cname:%s\r\n", a->ssrc, a->cname);
    if (v->has_rtx) {
        text_printf(out, "a=ssrc:%" PRIu32 " cname:%s\r\n", a->rtx_ssrc, a->cname);
    }
}

static void write_accepted(const struct sdp_media *m, const struct sdp_video *v,
                           const struct sdp_answer *a, struct text *out)
{
    text_append(out, "m=video 9 ");
    text_append_bytes(out, m->protocol);
    text_printf(out, " %u", v->payload_type);
    if (v->has_rtx) {
        text_printf(out, " %u", v->rtx_payload_type);
    }
    text_append(out, "\r\nc=IN IP4 0.0.0.0\r\n");
    if (m->mid.size > 0) {
        append(out, "a=mid:", m->mid);
    }
    text_append(out, "a=sendonly\r\na=rtcp-mux\r\n");
    text_append(out, m->has_rtcp_rsize ? "a=rtcp-rsize\r\n" : "");
    text_append(out, m->has_receiver_rtt ? "a=rtcp-xr:rcvr-rtt=all\r\n" : "");
    sdp_write_transport(out, &(struct sdp_transport){
                                 .ufrag = a->ufrag,
                                 .password = a->password,
                                 .fingerprint = a->fingerprint,
                                 .setup = "passive",
                                 .candidates = a->candidates,
                                 .n_candidates = a->n_candidates,
                             });
    write_codec(v, out);
    write_extensions(m, v, out);
    write_sources(v, a, out);
}

void sdp_answer_write(const struct sdp *offer, const struct sdp_video *video,
                      const struct sdp_answer *a, struct text *out)
{
    write_session_level(offer, &offer->media[video->media_index], a, out);
    for (unsigned i = 0; i < offer->n_media; i++) {
        if (i == video->media_index) {
            write_accepted(&offer->media[i], video, a, out);
        } else {
            write_refused(&offer->media[i], out);
        }
    }
}

/* --- reading --- */

static const struct sdp_codec *find_h264(const struct sdp_media *m, struct sdp_h264 *out)
{
    for (unsigned i = 0; i < m->n_codecs; i++) {
        if (sdp_read_h264(&m->codecs[i], out) && out->packetization_mode == 1) {
            return &m->codecs[i];
        }
    }
    return NULL;
}

static bool is_sending(const struct sdp_media *m)
{
    return sdp_is_text(m->kind, "video") && m->port != 0 &&
           (m->direction == SDP_SENDONLY || m->direction == SDP_SENDRECV);
}

int sdp_answer_read(const struct sdp *answer, struct sdp_video *out)
{
    for (unsigned i = 0; i < answer->n_media; i++) {
        const struct sdp_media *m = &answer->media[i];
        struct sdp_video v = {.media_index = i, .extensions = m->extensions};
        const struct sdp_codec *codec = is_sending(m) ? find_h264(m, &v.h264) : NULL;
        if (!codec) {
            continue;
        }
        if (m->ufrag.size == 0 || m->password.size == 0 || m->n_fingerprints == 0) {
            return -EBADMSG;
        }
        if ((m->setup != SDP_PASSIVE && m->setup != SDP_ACTIVE) || !m->has_rtcp_mux) {
            return -ENOTSUP;
        }
        const struct sdp_codec *rtx = sdp_find_rtx(m, codec->payload_type);
        v.payload_type = codec->payload_type;
        v.has_rtx = rtx;
        v.rtx_payload_type = rtx ? rtx->payload_type : 0;
        v.feedback = codec->feedback;
        *out = v;
        return 0;
    }
    return -ENOTSUP;
}
