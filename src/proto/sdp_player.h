/*
 * The description of a stream for players of plain RTP: RTSP's DESCRIBE.
 *
 *   sdp_player_write_session(); then a sdp_player_write_… for each track
 *
 * Ownership: everything is borrowed for the call.
 * Thread:    any; no shared state.
 * Errors:    out of memory is the text's sticky error.
 * Spec:      RFC 8866 §5; RFC 2326 appendix C.1; RFC 6184 §8.2.1.
 */
#ifndef AVOCET_PROTO_SDP_PLAYER_H
#define AVOCET_PROTO_SDP_PLAYER_H

#include "base/text.h"
#include "media/track.h"

struct sdp_player_track {
    const struct track *track;
    unsigned payload_type;
    unsigned port;       /* where it is received; 0 with RTSP, whose SETUP says */
    const char *control; /* "trackID=0"; NULL: none (not RTSP) */
};

/* address: what the receiver hears, "0.0.0.0" or "::" with RTSP. */
void sdp_player_write_session(struct text *out, const char *name, uint64_t session_id,
                              const char *address);
void sdp_player_write_h264(struct text *out, const struct sdp_player_track *t);

#endif
