/*
 * A session description as WebRTC uses it, read from an offer or an answer.
 *
 * sdp_parse() reads the structure and what we may need; what it does not know it skips. Session
 * level ICE, DTLS and direction attributes are copied into each media that has none of its own.
 * Codecs, fingerprints and candidates beyond the limits are left out, not an error.
 *
 * Ownership: borrows the text. About 50 kB: keep it on the heap.
 * Thread:    any; no shared state.
 * Errors:    -EBADMSG unreadable, -E2BIG beyond SDP_SIZE_MAX, SDP_LINES_MAX, SDP_LINE_SIZE_MAX or
 *            SDP_MEDIA_MAX.
 * Spec:      RFC 8866 §5, §6; RFC 9143 (BUNDLE); RFC 8839 §5 (ICE); RFC 8122, RFC 8842 (DTLS);
 *            RFC 8285 §5 (extmap); RFC 4585 §4.2 (rtcp-fb); RFC 5576 §4 (ssrc); RFC 6184 §8.1.
 */
#ifndef AVOCET_PROTO_SDP_H
#define AVOCET_PROTO_SDP_H

#include "proto/endpoint.h"
#include "proto/fingerprint.h"
#include "proto/rtp.h"

enum {
    SDP_SIZE_MAX = 64 * 1024,
    SDP_LINES_MAX = 2000, /* Chromium writes 200 for each video */
    SDP_LINE_SIZE_MAX = 2048,
    SDP_MEDIA_MAX = 16,
    SDP_CODECS_MAX = 64,
    SDP_FINGERPRINTS_MAX = 4,
    SDP_CANDIDATES_MAX = 16,
};

enum sdp_direction { SDP_SENDRECV, SDP_SENDONLY, SDP_RECVONLY, SDP_INACTIVE };
enum sdp_setup { SDP_SETUP_NONE, SDP_ACTPASS, SDP_ACTIVE, SDP_PASSIVE, SDP_HOLDCONN };

/* The rtcp-fb kinds that we speak, as bits. */
enum sdp_feedback {
    SDP_NACK = 1,
    SDP_NACK_PLI = 2,
    SDP_CCM_FIR = 4,
    SDP_GOOG_REMB = 8,
    SDP_RRTR = 16,
};

/* The header extensions that we speak; the bits of sdp_media.recvonly_extensions. */
enum sdp_extension {
    SDP_PLAYOUT_DELAY,
    SDP_ABS_SEND_TIME,
    SDP_ABS_CAPTURE_TIME,
    SDP_MID,
    SDP_N_EXTENSIONS,
};

struct sdp_codec {
    uint8_t payload_type;
    uint8_t feedback; /* sdp_feedback bits, with those of "rtcp-fb:*" */
    uint32_t clock_rate;
    struct bytes name; /* "H264"; size 0 without rtpmap */
    struct bytes fmtp; /* parameters, "apt=96" */
};

struct sdp_media {
    struct bytes kind;     /* "video" */
    struct bytes protocol; /* "UDP/TLS/RTP/SAVPF" */
    struct bytes formats;  /* the whole list */
    uint16_t port;
    struct bytes mid; /* size 0 when absent */
    enum sdp_direction direction;
    enum sdp_setup setup;
    bool is_bundled; /* its mid is in the BUNDLE group */
    bool is_bundle_only;
    bool has_rtcp_mux;
    bool has_rtcp_rsize;
    bool has_receiver_rtt; /* rtcp-xr:rcvr-rtt (RFC 3611 §5.1): RRTR answered by DLRR */
    struct bytes ufrag;
    struct bytes password;
    struct fingerprint fingerprints[SDP_FINGERPRINTS_MAX];
    unsigned n_fingerprints;
    struct rtp_extension_ids extensions;     /* those that the other side receives */
    uint8_t recvonly_extensions;             /* bits: offered as "/recvonly" */
    uint8_t feedback_of_all;                 /* of "rtcp-fb:*" */
    uint32_t ssrc;                           /* the first named, 0: none */
    uint32_t rtx_ssrc;                       /* the second of its FID group, 0: none */
    struct sdp_codec codecs[SDP_CODECS_MAX]; /* in the order of the m-line */
    unsigned n_codecs;
    struct endpoint candidates[SDP_CANDIDATES_MAX]; /* UDP, component 1, IP literals */
    unsigned n_candidates;
};

struct sdp {
    struct sdp_media media[SDP_MEDIA_MAX];
    unsigned n_media;
    bool has_bundle;
    bool is_ice_lite;
    bool has_extmap_allow_mixed;
};

int sdp_parse(struct bytes text, struct sdp *out);

/* The URI of an extension, and its place in the ids. */
const char *sdp_extension_uri(enum sdp_extension e);
uint8_t *sdp_extension_id(struct rtp_extension_ids *ids, enum sdp_extension e);

/* Value of a parameter of fmtp ("profile-level-id"), compared without case; size 0 when absent. */
struct bytes sdp_fmtp_value(struct bytes fmtp, const char *name);
/* The RTX codec whose apt is payload_type; NULL when there is none. */
const struct sdp_codec *sdp_find_rtx(const struct sdp_media *m, uint8_t payload_type);
const struct sdp_codec *sdp_find_codec(const struct sdp_media *m, uint8_t payload_type);

struct sdp_h264 {
    uint8_t profile_level_id[3]; /* profile_idc, constraint flags, level_idc */
    uint8_t packetization_mode;
    bool has_level_asymmetry;
};

/* The H.264 parameters of a codec; false when it is another codec or they are malformed. */
bool sdp_read_h264(const struct sdp_codec *codec, struct sdp_h264 *out);

/* The one video that both sides agreed on. */
struct sdp_video {
    unsigned media_index;
    uint8_t payload_type;
    bool has_rtx;
    uint8_t rtx_payload_type;
    uint8_t feedback;     /* sdp_feedback bits */
    struct sdp_h264 h264; /* as in the answer */
    struct rtp_extension_ids extensions;
};

#endif
