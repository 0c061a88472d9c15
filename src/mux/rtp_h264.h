/*
 * RTP payloads of one H.264 access unit, cut once for all viewers.
 *
 * Output buffer of mux_rtp_h264.packet(), host byte order, made to be walked by the sender:
 *
 *   struct rtp_payloads | n_payloads x struct rtp_payload | payload bytes ...
 *
 * SPS and PPS (and SEI) go in one STAP-A before each IDR; a NAL unit that fits is sent alone;
 * else FU-A fragments of equal size (only the last is shorter), so that UDP GSO can carry them.
 * AUD, filler and end-of-sequence NAL units are dropped. The last payload carries the marker.
 *
 * Spec: RFC 6184 §5.6 (single NAL unit), §5.7.1 (STAP-A), §5.8 (FU-A).
 */
#ifndef AVOCET_MUX_RTP_H264_H
#define AVOCET_MUX_RTP_H264_H

#include "base/buf.h"

enum { RTP_PAYLOAD_SIZE_MAX = 1150 }; /* with header, extensions, RTX and tag below 1,200 + UDP */

struct rtp_payload {
    uint32_t offset; /* from the buffer's data */
    uint16_t size;
    bool marker;
};

struct rtp_payloads {
    uint32_t timestamp; /* 90 kHz, of the packet's pts_ns */
    uint32_t n_payloads;
    struct rtp_payload payloads[];
};

static inline const struct rtp_payloads *rtp_payloads_of(const struct buf *b)
{
    return (const struct rtp_payloads *)(const void *)b->data;
}

/* 90 kHz RTP time stamp of a media time. */
uint32_t rtp_h264_timestamp(int64_t pts_ns);

#endif
