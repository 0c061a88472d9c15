/*
 * A mux turns packets of one track into one wire format: pure, packet in, bytes out.
 *
 * Order of calls: open once; header any time after (a joining viewer's preamble, may be absent);
 * packet for each access unit in order; close. After a change of track the feed closes and opens
 * again. The feed calls packet() once per frame for everybody, so what it writes may not depend
 * on a viewer.
 *
 * One file + one row: a const struct mux_type at the bottom of its file.
 *
 * Ownership: the track is borrowed during open (take references of what is kept); outputs are new
 *            references for the caller.
 * Thread:    the loop's; no shared state.
 * Errors:    -ENOMEM; -EBADMSG a packet that cannot be muxed (it is skipped for everybody);
 *            -ENOTSUP in open: this codec has no place in this format. Outputs are untouched then.
 */
#ifndef AVOCET_MUX_MUX_H
#define AVOCET_MUX_MUX_H

#include "base/buf.h"
#include "media/packet.h"
#include "media/track.h"

struct mux_type {
    const char *name;  /* "mp4" */
    const char *mime;  /* of an endless HTTP answer in this format; NULL: none */
    size_t state_size; /* zeroed state, allocated by the feed */
    int (*open)(void *state, const struct track *track);
    /* What a joining viewer gets first (an fMP4 init segment); *out NULL: nothing. */
    int (*header)(void *state, struct buf **out);
    /* sequence counts the packets of the encoding, from 0, without gaps. */
    int (*packet)(void *state, const struct packet *packet, uint32_t sequence, struct buf **out);
    void (*close)(void *state);
};

/* What exists (each in its own file). */
extern const struct mux_type mux_annexb;    /* access units, each begun by an AUD */
extern const struct mux_type mux_mp4;       /* fMP4, one moof+mdat per frame */
extern const struct mux_type mux_ws_mp4;    /* the same, each output one WebSocket binary frame */
extern const struct mux_type mux_ws_h264;   /* 24-byte header + Annex B, one WebSocket frame each */
extern const struct mux_type mux_multipart; /* JPEG parts, the next part's header sent early */
extern const struct mux_type mux_rtp_h264;  /* RTP payloads, see mux/rtp_h264.h */

#endif
