/*
 * The header before each access unit on a WebSocket, for WebCodecs in the page. Big-endian:
 *
 *   0  u8  version = 1
 *   1  u8  track = 0
 *   2  u8  codec: 1 = H.264
 *   3  u8  flags: 1 = key, 2 = the source's discontinuity
 *   4  u32 sequence; a viewer's own skip is a gap
 *   8  i64 capture time, ns since 1970; -1 unknown
 *  16  i64 pts, ns
 *
 * Annex B follows as it is in the packet: without access unit delimiter, which WebCodecs does not
 * need (a chunk is one access unit), key frames with their parameter sets.
 *
 * Spec: WebCodecs AVC (H.264) registration, "annexb" format.
 */
#ifndef AVOCET_MUX_WS_H264_H
#define AVOCET_MUX_WS_H264_H

enum { WS_H264_HEADER_SIZE = 24, WS_H264_VERSION = 1, WS_H264_CODEC = 1 };

#endif
