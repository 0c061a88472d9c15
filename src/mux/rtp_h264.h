/*
 * RTP payloads of one H.264 access unit, cut once for all viewers.
 *
 * Output buffer of mux_rtp_h264.packet(): media/rtp_payloads.h.
 *
 * SPS and PPS (and SEI) go in one STAP-A before each IDR; a NAL unit that fits is sent alone;
 * else FU-A fragments of equal size (only the last is shorter), so that UDP GSO can carry them.
 * AUD, filler and end-of-sequence NAL units are dropped. The last payload carries the marker.
 *
 * Spec: RFC 6184 §5.6 (single NAL unit), §5.7.1 (STAP-A), §5.8 (FU-A).
 */
#ifndef AVOCET_MUX_RTP_H264_H
#define AVOCET_MUX_RTP_H264_H

#include "media/rtp_payloads.h"

/* 90 kHz RTP time stamp of a media time. */
uint32_t rtp_h264_timestamp(int64_t pts_ns);

#endif
