/*
 * Raw H.264 or MPEG-TS from a descriptor: bytes → access units → packets, each as soon as it is
 * whole. What the pipe, TCP and UDP sources share. Which of the two it is shows in the first bytes.
 *
 * Times: arrival, capture and pts of a packet are the moment at which its first slice began to
 * arrive; a byte stream says nothing about the moment of capture. With MPEG-TS they are the moment
 * at which it was whole, but pts follows the stream's own time line (timeline.h).
 *
 * Order of calls: init; read any number of times; finish (copes with a zeroed struct).
 *
 * Ownership: borrows the descriptor.
 * Thread:    the pipeline's.
 * Errors:    of read as for source_type.read(), without a sentence: -EPIPE the stream is at its
 *            end, else what read(2) said.
 */
#ifndef AVOCET_SOURCE_BYTE_STREAM_H
#define AVOCET_SOURCE_BYTE_STREAM_H

#include "bitstream/access_unit.h"
#include "source/source.h"
#include "source/timeline.h"
#include "source/ts_stream.h"

struct byte_stream {
    struct access_unit units; /* H.264 */
    struct ts_stream ts;
    bool is_format_known;
    bool is_ts;
    bool is_datagrams;          /* set by the source: nothing read is no end */
    size_t n_head;              /* bytes in chunk that the format could not be told from yet */
    struct track track;         /* the normaliser's, with a rate; parameter_sets is borrowed */
    struct rational given_rate; /* num 0: not given */
    uint8_t *chunk;
    bool is_at_end;
    bool has_bytes; /* since the last picture */
    struct timeline timeline; /* of ts */
};

int byte_stream_init(struct byte_stream *s, const struct source_params *params);
void byte_stream_finish(struct byte_stream *s);
int byte_stream_read(struct byte_stream *s, int fd, int wake_fd, int64_t deadline_ns,
                     struct source_unit *out);
/* As source_type.instead(). */
const char *byte_stream_instead(const struct byte_stream *s);
/* "1280x720 avc1.42c01f at 30 fps", as far as known. */
void byte_stream_describe(const struct byte_stream *s, char *out, size_t size);

#endif
