/*
 * The lines that our offers and answers have in common. Used by sdp_offer.c and sdp_answer.c.
 *
 * Errors: out of memory is the text's sticky error.
 * Spec:   RFC 8829 §5.2.1; RFC 8839 §5.1 (candidate).
 */
#ifndef AVOCET_PROTO_SDP_WRITE_H
#define AVOCET_PROTO_SDP_WRITE_H

#include "base/text.h"
#include "proto/endpoint.h"

struct sdp_transport {
    const char *ufrag;
    const char *password;
    const char *fingerprint;
    const char *setup;
    const struct endpoint *candidates; /* host candidates, best first */
    unsigned n_candidates;
};

/* v=, o=, s=, t= */
void sdp_write_session(struct text *out, uint64_t session_id);
void sdp_write_transport(struct text *out, const struct sdp_transport *t);
/* The rtcp-fb lines of sdp_feedback bits. */
void sdp_write_feedback(struct text *out, unsigned payload_type, unsigned feedback);

#endif
