/*
 * Frames out of an endless HTTP body: multipart JPEG, raw H.264, fragmented MP4, MPEG-TS.
 *
 * Push what arrived, pull frames until -EAGAIN.
 *
 * Ownership: pushed bytes are copied; packets are the caller's.
 * Thread:    one owner.
 * Errors:    -EAGAIN no frame yet; -EBADMSG not the format that was said; -EMSGSIZE a frame above
 *            PACKET_SIZE_MAX; -ENOMEM.
 * Spec:      RFC 2046 §5.1.1 (multipart), ISO/IEC 14496-12 §4.2 (boxes), 14496-15 §5.3.3 (avcC).
 */
#ifndef AVOCET_APP_LATENCY_DEMUX_H
#define AVOCET_APP_LATENCY_DEMUX_H

#include "bitstream/access_unit.h"
#include "mux/ts_reader.h"

enum latency_format { FORMAT_MULTIPART, FORMAT_ANNEXB, FORMAT_MP4, FORMAT_TS };

struct latency_demux {
    enum latency_format format;
    struct text *bytes; /* not yet used: FORMAT_MULTIPART, FORMAT_MP4 */
    size_t used;        /* of bytes, from the start */
    char boundary[80];  /* "\r\n--…" */
    bool is_in_part;
    struct access_unit access_unit; /* FORMAT_ANNEXB */
    struct h264_normal normal;      /* FORMAT_MP4, FORMAT_TS */
    struct ts_reader ts;            /* FORMAT_TS */
};

/* content_type as the server said it; -ENOTSUP: none of the formats. */
int latency_demux_init(struct latency_demux *d, const char *content_type);
void latency_demux_finish(struct latency_demux *d);
int latency_demux_push(struct latency_demux *d, struct bytes in, int64_t now_ns);
int latency_demux_pull(struct latency_demux *d, int64_t now_ns, struct packet **out);
enum codec latency_demux_codec(const struct latency_demux *d);

#endif
