/*
 * SDP answers: ours to a WHEP offer, and reading the one our own client gets.
 *
 * Thread: any; no shared state.
 * Errors: -ENOTSUP the answer refuses our video or wants what we do not do, -EBADMSG it lacks what
 *         it must have; out of memory is the text's sticky error.
 * Spec:   RFC 8829 §5.3; RFC 3264 §6; RFC 9143 §7.3; RFC 8839 §5; RFC 8842 §5.3; RFC 4588 §8.
 */
#ifndef AVOCET_PROTO_SDP_ANSWER_H
#define AVOCET_PROTO_SDP_ANSWER_H

#include "base/text.h"
#include "proto/sdp.h"

/* What is ours in the answer; all borrowed. */
struct sdp_answer {
    uint64_t session_id; /* below 2^63, random */
    const char *ufrag;
    const char *password;
    const char *fingerprint;           /* "sha-256 12:AB:..." */
    const struct endpoint *candidates; /* with ports, best first */
    unsigned n_candidates;
    const char *stream_id; /* of msid: letters, digits, '-', '_' */
    const char *track_id;
    const char *cname;
    uint32_t ssrc;
    uint32_t rtx_ssrc; /* used when the video has RTX */
};

/* Accept video, refuse every other media of the offer. */
void sdp_answer_write(const struct sdp *offer, const struct sdp_video *video,
                      const struct sdp_answer *a, struct text *out);

/* Client: what the server accepted of sdp_offer_write(). The remote ICE and DTLS values and
 * candidates are in answer->media[out->media_index]. */
int sdp_answer_read(const struct sdp *answer, struct sdp_video *out);

#endif
