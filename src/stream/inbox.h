/*
 * What producers hand to the loop: packets with their tracks in order, the newest state, the
 * newest sentence of each encoding. The one place where threads meet.
 *
 * Bounded by STREAM_INBOX_PACKETS and STREAM_RING_BYTES: a producer that is faster than the loop (a
 * pipe with much in it) waits for room, for INBOX_WAIT_NS at most. When the loop does not empty it
 * in that time, the encoding's waiting packets go, and what follows up to its next keyframe; nobody
 * waits again before the loop has taken something.
 *
 * Times: pts_ns strictly increases per encoding. One that does not is raised by
 *        INBOX_PTS_STEP_NS; a time line that jumped back by more than INBOX_PTS_JUMP_NS was begun
 *        anew and is moved behind the old one.
 * Thread: inbox_put_*: any. inbox_take_*: loop. Only inbox_put_packet() may wait.
 */
#ifndef AVOCET_STREAM_INBOX_H
#define AVOCET_STREAM_INBOX_H

#include <pthread.h>

#include "stream/stream.h"

#define INBOX_PTS_STEP_NS NS_PER_MS
#define INBOX_PTS_JUMP_NS NS_PER_S
#define INBOX_WAIT_NS     (100 * NS_PER_MS)

struct inbox_item {
    enum encoding_id id;
    struct packet *packet;
    struct track *track; /* from this packet on; NULL: as before */
};

struct inbox_lane {
    struct track *track; /* of the next packet; NULL: as before */
    int64_t last_pts_ns;
    int64_t pts_shift_ns;
    bool is_dropping; /* up to the next keyframe */
    uint64_t n_dropped;
    bool has_error;
    char error[STREAM_ERROR_SIZE]; /* "": none any more */
};

struct inbox {
    pthread_mutex_t lock;
    pthread_cond_t room; /* something was taken */
    bool is_stuck;       /* waiting for room was in vain */
    struct inbox_item items[STREAM_INBOX_PACKETS]; /* a circle from first on */
    unsigned first;
    unsigned n_items;
    size_t n_bytes;
    struct inbox_lane lanes[N_ENCODINGS];
    bool has_state;
    enum stream_state state;
    char error[STREAM_ERROR_SIZE];
    bool is_awake; /* the loop was told and has not begun to take */
};

void inbox_init(struct inbox *in);
void inbox_finish(struct inbox *in);

/* Each returns whether the loop must be told. The packet's reference is taken over. */
bool inbox_put_packet(struct inbox *in, enum encoding_id id, struct packet *packet);
void inbox_put_track(struct inbox *in, enum encoding_id id, const struct track *track);
bool inbox_put_state(struct inbox *in, enum stream_state state, const char *error);
bool inbox_put_error(struct inbox *in, enum encoding_id id, const char *sentence);

/* From now on the loop is told again of what comes. */
void inbox_begin(struct inbox *in);
/* The next packet, with the caller now owning packet and track; false: empty. */
bool inbox_take_packet(struct inbox *in, struct inbox_item *out);
/* Texts of STREAM_ERROR_SIZE; false: nothing new. */
bool inbox_take_state(struct inbox *in, enum stream_state *state, char *error);
bool inbox_take_error(struct inbox *in, enum encoding_id id, char *error);
/* Packets dropped since the last call. */
uint64_t inbox_take_dropped(struct inbox *in, enum encoding_id id);

#endif
