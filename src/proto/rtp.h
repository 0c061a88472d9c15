/*
 * RTP headers, the header extensions that live video needs, and retransmission payloads.
 *
 * Units:     playout delay in ms (10 ms steps on the wire, at most 40,950), NTP as UQ32.32.
 * Ownership: a parsed packet borrows the datagram.
 * Thread:    any; no shared state.
 * Errors:    -EBADMSG malformed.
 * Spec:      RFC 3550 §5.1; RFC 8285 §4.2 (one-byte form), §4.3 (two-byte form, read only);
 *            RFC 4588 §4 (RTX); playout-delay, abs-send-time and abs-capture-time as documented
 *            by WebRTC; RFC 9143 §15 (mid).
 */
#ifndef AVOCET_PROTO_RTP_H
#define AVOCET_PROTO_RTP_H

#include "base/bytes.h"

enum {
    RTP_HEADER_SIZE = 12,
    RTP_HEADER_SIZE_MAX = 64, /* what rtp_write_header() may write */
    RTP_MID_SIZE_MAX = 16,    /* of the one-byte form */
    RTP_OSN_SIZE = 2,         /* original sequence number before an RTX payload */
};

/* The extension ids of a session, as negotiated: 1..14, 0 for not negotiated. */
struct rtp_extension_ids {
    uint8_t playout_delay;
    uint8_t abs_send_time;
    uint8_t abs_capture_time;
    uint8_t mid;
};

/* What one packet carries. Zeroed: no extension at all. */
struct rtp_extensions {
    bool has_playout_delay;
    bool has_abs_send_time;
    bool has_abs_capture_time;
    bool has_capture_clock_offset; /* the 16-byte form of abs-capture-time */
    uint16_t playout_min_ms;
    uint16_t playout_max_ms;
    uint32_t abs_send_time;       /* 24 bits, 6.18 fixed-point seconds */
    uint64_t abs_capture_ntp;     /* sender's NTP clock */
    int64_t capture_clock_offset; /* Q32.32 seconds */
    struct bytes mid;             /* size 0: absent */
};

struct rtp_header {
    bool marker;
    uint8_t payload_type;
    uint16_t sequence;
    uint32_t timestamp;
    uint32_t ssrc;
};

struct rtp_packet {
    struct rtp_header header;
    size_t header_size;      /* with CSRCs and extensions */
    uint16_t extension_form; /* 0xbede, 0x100x, another profile's, or 0 */
    struct bytes extension;  /* the elements, without the 4-byte header */
    struct bytes payload;    /* without padding */
};

/* Header and those of the extensions that both have an id and are present. out has
 * RTP_HEADER_SIZE_MAX bytes; returns the size, a multiple of 4. */
size_t rtp_write_header(const struct rtp_header *h, const struct rtp_extension_ids *ids,
                        const struct rtp_extensions *extensions, uint8_t *out);
/* 6.18 fixed-point seconds of any clock that counts nanoseconds. */
uint32_t rtp_abs_send_time(int64_t now_ns);

/* Size of the header with CSRCs and extensions; 0 when malformed. All that may be known of a packet
 * that is still encrypted. */
size_t rtp_measure_header(struct bytes datagram);
int rtp_parse(struct bytes datagram, struct rtp_packet *out);
/* The element of that id in either form; size 0 when absent. */
struct bytes rtp_find_extension(const struct rtp_packet *p, uint8_t id);
/* Those of ids that are there and well formed; others are left out. */
void rtp_read_extensions(const struct rtp_packet *p, const struct rtp_extension_ids *ids,
                         struct rtp_extensions *out);

/* Turn a parsed RTX packet into the original: sequence number and payload (RFC 4588 §4). An empty
 * payload (a probe) is -EBADMSG. */
int rtp_restore_rtx(const struct rtp_packet *rtx, uint8_t payload_type, uint32_t ssrc,
                    struct rtp_packet *out);

/* The 48-bit index nearest to reference whose low 16 bits are sequence (RFC 3711 §3.3.1). */
uint64_t rtp_extend_sequence(uint64_t reference, uint16_t sequence);

#endif
