#include "proto/sdp_write.h"

#include <inttypes.h>

#include "proto/sdp.h"

void sdp_write_session(struct text *out, uint64_t session_id)
{
    text_printf(out, "v=0\r\no=- %" PRIu64 " 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n",
                session_id & INT64_MAX);
}

/* RFC 8445 §5.1.2.1: type preference 126 (host), local preference by place, component 1. */
static uint32_t priority_of(unsigned place)
{
    return UINT32_C(126) << 24 | (UINT32_C(65535) - place) << 8 | 255;
}

void sdp_write_transport(struct text *out, const struct sdp_transport *t)
{
    text_printf(out, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=fingerprint:%s\r\na=setup:%s\r\n",
                t->ufrag, t->password, t->fingerprint, t->setup);
    for (unsigned i = 0; i < t->n_candidates; i++) {
        char ip[ENDPOINT_IP_TEXT_SIZE];
        text_printf(out, "a=candidate:%u 1 udp %" PRIu32 " %s %u typ host\r\n", i + 1,
                    priority_of(i), endpoint_format_ip(&t->candidates[i], ip),
                    t->candidates[i].port);
    }
    text_append(out, "a=end-of-candidates\r\n");
}

void sdp_write_feedback(struct text *out, unsigned payload_type, unsigned feedback)
{
    static const struct {
        enum sdp_feedback bit;
        const char *text;
    } rows[] = {
        {SDP_NACK, "nack"},           {SDP_NACK_PLI, "nack pli"}, {SDP_CCM_FIR, "ccm fir"},
        {SDP_GOOG_REMB, "goog-remb"}, {SDP_RRTR, "rrtr"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (feedback & rows[i].bit) {
            text_printf(out, "a=rtcp-fb:%u %s\r\n", payload_type, rows[i].text);
        }
    }
}
