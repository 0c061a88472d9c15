/*
 * Stand-ins for tests of the stream: a producer that only notes what it is told, a mux that counts,
 * a viewer that reads as much as it is allowed to.
 */
#ifndef AVOCET_TESTS_STREAM_FAKES_H
#define AVOCET_TESTS_STREAM_FAKES_H

#include "stream/reader.h"

#define FAKE_START_NS (1000 * NS_PER_S)
#define FAKE_FRAME_NS (NS_PER_S / 25)

struct fake_producer {
    struct producer base;
    encoding_set wanted;
    unsigned n_demands;
    unsigned n_key_wishes;
    int64_t bitrate_bps;
    unsigned can_bits;
    bool *is_destroyed;
};

/* A stream with its producer; time goes on only by hand. */
struct fake_stream {
    struct stream *stream;
    struct fake_producer producer;
    bool is_producer_destroyed;
    unsigned n_wakes;
    int64_t now_ns;
    unsigned n_published;
};

void fake_stream_init(struct fake_stream *f, const struct stream_config *config, unsigned can);
void fake_stream_finish(struct fake_stream *f);
struct track fake_track(enum codec codec, int width);
struct packet *fake_packet(int64_t pts_ns, bool is_key, size_t size);
/* Publishes one packet that arrives now and dispatches; the first byte is the count of packets. */
void fake_publish(struct fake_stream *f, enum encoding_id id, bool is_key);
/* Time passes and, where due, the timer is called. */
void fake_pass(struct fake_stream *f, int64_t ns);

struct fake_mux_counts {
    unsigned n_opens;
    unsigned n_packets;
    unsigned n_closes;
};
extern struct fake_mux_counts fake_mux_counts;
/* Copies; the header is "H" and the track's width, behind a gap "R"; refuses MJPEG tracks and packets that begin with
 * 0xff. */
extern const struct mux_type fake_mux;

struct fake_viewer {
    struct reader reader;
    struct fake_stream *stream;
    unsigned n_to_read; /* reads so many at each on_ready; UINT_MAX: all */
    unsigned n_ready;
    unsigned n_read;
    unsigned n_gaps;
    unsigned n_preambles;
    unsigned n_resumes;
    unsigned n_states;
    uint32_t first_sequence;
    uint32_t last_sequence;
    char end[STREAM_ERROR_SIZE]; /* on_end's sentence */
    struct fake_viewer *closes;  /* on_ready closes this one */
};

int fake_viewer_open(struct fake_viewer *v, struct fake_stream *f, enum encoding_id id,
                     const struct mux_type *mux, enum stream_mode mode);
/* Reads at most n; how many there were. */
unsigned fake_viewer_read(struct fake_viewer *v, unsigned n);
void fake_viewer_close(struct fake_viewer *v);

#endif
