/*
 * RTP packets of one access unit in RTSP's interleaved frames, made once for all players of a
 * stream over TCP: contiguous, so that each gets them in one write of shared bytes.
 *
 *   | '$' | channel | u16 size | RTP header | payload |  and so on
 *
 * So sequence numbers, SSRC and time stamps are the same for all; a player that skips frames sees a
 * gap, one that joins is told where (RTP-Info). SSRC and first sequence number are made from the
 * first packet's times, and go on through a change of track.
 *
 * Channel 0, which nearly all players choose for the first track; who has chosen another gets a
 * copy (rtsp_frames_copy).
 *
 * Units:     time stamps at 90 kHz.
 * Ownership: a view borrows the frames; a copy is the caller's.
 * Thread:    any; no shared state.
 * Errors:    rtsp_frames_copy: NULL without memory.
 * Spec:      RFC 2326 §10.12; RFC 3550 §5.1.
 */
#ifndef AVOCET_MUX_RTSP_FRAMES_H
#define AVOCET_MUX_RTSP_FRAMES_H

#include "base/buf.h"

enum {
    RTSP_FRAMES_PAYLOAD_TYPE_VIDEO = 96,
    RTSP_FRAMES_HEADER_SIZE = 4 + 12, /* interleaved and RTP */
};

/* What a sender report, or RTP-Info, says of them. */
struct rtsp_frames {
    uint32_t ssrc;
    uint16_t sequence; /* of the first packet */
    uint32_t timestamp;
    uint32_t n_packets;
    size_t n_payload_bytes;
};

/* frames: as a mux of this file made them. */
void rtsp_frames_view(struct bytes frames, struct rtsp_frames *out);
struct buf *rtsp_frames_copy(struct bytes frames, uint8_t channel);

#endif
