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
    size_t
        kept_size; /* of its beginning: stays as it is when the mux is opened again; 0: nothing */
    int (*open)(void *state, const struct track *track);
    /* What a joining viewer gets first (an fMP4 init segment); *out NULL: nothing. */
    int (*header)(void *state, struct buf **out);
    /* sequence counts the packets of the encoding, from 0, without gaps. */
    int (*packet)(void *state, const struct packet *packet, uint32_t sequence, struct buf **out);
    /* What goes before this output of packet() to a viewer whose last one was not the one before it;
     * *out NULL: nothing. May be absent. */
    int (*resume)(const struct buf *packet, struct buf **out);
    void (*close)(void *state);
};

/*
 * H.264, HTTP: header is an access unit delimiter, each packet its access unit and the *next* one's
 * delimiter, so that a parser knows at once that the picture is whole.
 */
extern const struct mux_type mux_annexb;
/* fMP4: header is the init segment, each packet [prft] moof mdat of one frame. */
extern const struct mux_type mux_mp4;
/* The same, each output one whole WebSocket message (binary, unmasked, with its frame header). */
extern const struct mux_type mux_ws_mp4;
/* 24-byte header and Annex B, one WebSocket message per access unit; see mux/ws_h264.h. */
extern const struct mux_type mux_ws_h264;
/* JPEG parts; the next part's boundary and headers follow each picture, so that it shows at once.
 */
extern const struct mux_type mux_multipart;
/* JPEG parts with Content-Length and X-Timestamp each, as mjpg-streamer's clients know them. */
extern const struct mux_type mux_multipart_plain;
/* MPEG-TS: each packet its access unit in one PES packet, with tables before a keyframe. */
extern const struct mux_type mux_ts;
/* RTP payloads, see mux/rtp_h264.h. */
extern const struct mux_type mux_rtp_h264;
/* The same for RTP without encryption and extensions: larger. */
extern const struct mux_type mux_rtp_h264_plain;
/* Whole RTP packets of H.264 in RTSP's interleaved frames, see mux/rtsp_frames.h. */
extern const struct mux_type mux_rtsp_h264;

#endif
