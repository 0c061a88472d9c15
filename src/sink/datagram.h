/*
 * What the outputs that send datagrams share: a viewer of the stream that reads it all the time,
 * cuts what its mux made into datagrams, and sends those spread over part of the frame interval.
 *
 * It keeps the stream awake: whoever configures it wants it sent. While the name of the host is
 * not known, nothing is read.
 *
 * Pacing: DATAGRAM_BURST leave at once, so that an ordinary frame does not wait; the rest of a
 * large one goes in steps of DATAGRAM_STEP_NS that end after half a frame interval. The next frame
 * is read when the last one has left.
 *
 * Ownership: embedded in the output.
 * Thread:    loop only.
 */
#ifndef AVOCET_SINK_DATAGRAM_H
#define AVOCET_SINK_DATAGRAM_H

#include "net/outlet.h"
#include "net/udp_sender.h"
#include "sink/output.h"
#include "sink/pump.h"

#define DATAGRAM_STEP_NS  NS_PER_MS
#define DATAGRAM_RETRY_NS (5 * NS_PER_S) /* a stream that could not be had */

enum { DATAGRAM_BURST = 8, DATAGRAM_SIZE_MAX = 1472 };

struct datagram_output;

/* How a chunk becomes datagrams. */
struct datagram_format {
    const struct mux_type *mux;
    unsigned (*count)(const struct buf *chunk);
    /* Writes datagram i, at most DATAGRAM_SIZE_MAX bytes; once more when it could not be sent. */
    void (*write)(struct datagram_output *d, const struct buf *chunk, unsigned i,
                  struct byte_writer *w);
    /* The last datagram of the chunk has left; may be NULL. */
    void (*on_sent)(struct datagram_output *d);
};

struct datagram_config {
    const struct output_params *params;
    const struct datagram_format *format;
    const char *protocol; /* the output's scheme */
    const char *interface;
    const char *mode;
    int ttl;
    bool is_looped;
    bool has_upper;
};

struct datagram_output {
    const struct datagram_format *format;
    const char *protocol;
    enum stream_mode mode;
    struct loop *loop;
    struct stream *stream;
    struct log log;
    struct udp_sender sender;
    struct pump pump;
    struct outlet outlet;
    struct loop_timer pace;
    struct loop_timer retry;
    /* being sent */
    struct buf *chunk;
    unsigned next;
    unsigned n_datagrams;
    unsigned n_per_step;
    size_t n_bytes; /* that have left */
    /* of the chunk */
    int64_t pts_ns;
    int64_t capture_ns; /* or, when that is unknown, arrival on the real clock */
};

int datagram_output_open(struct datagram_output *d, const struct datagram_config *config,
                         char *sentence, size_t size);
/* Copes with a zeroed struct. */
void datagram_output_close(struct datagram_output *d);

#endif
