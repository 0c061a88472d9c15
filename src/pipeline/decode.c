#include "pipeline/decode.h"

#include <errno.h>
#include <stdlib.h>

/* Of each frame's time decoding may use this part; saved up to CREDIT_MAX_NS. */
enum { SHARE_NUM = 4, SHARE_DEN = 5 };
#define CREDIT_MAX_NS (100 * NS_PER_MS)

/* ---- the newest group of pictures ---- */

enum { GOP_CAPACITY_MIN = 64 };

/* The first n of them. */
static void drop(struct decode *d, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        d->n_bytes -= d->gop[i]->size;
        packet_unref(&d->gop[i]);
    }
    d->n_gop -= n;
    d->n_fed -= n < d->n_fed ? n : d->n_fed;
    if (d->n_gop > 0) {
        memmove(d->gop, d->gop + n, d->n_gop * sizeof(d->gop[0]));
    }
    d->is_stale = d->is_stale || (d->is_pending && d->n_gop == 0);
}

static void begin_gop(struct decode *d)
{
    drop(d, d->n_gop);
    d->is_tail = false;
    d->is_lost = false;
    d->has_joined = false;
}

void decode_forget(struct decode *d)
{
    begin_gop(d);
    free(d->gop);
    d->gop = NULL;
    d->capacity = 0;
}

/* Nothing that is here can be decoded up to the next keyframe. */
static void lose_gop(struct decode *d)
{
    const bool had_any = d->n_gop > 0 || d->is_tail;
    begin_gop(d);
    d->is_lost = had_any;
}

/* A long group of pictures: what is decoded goes, and with it the way to begin again. */
static void make_room(struct decode *d)
{
    if (d->n_fed == 0) {
        lose_gop(d);
    } else {
        drop(d, d->n_fed);
        d->is_tail = true;
    }
}

static bool is_full(const struct decode *d, const struct packet *next)
{
    return d->n_gop > 0 &&
           (d->n_gop >= DECODE_GOP_PACKETS || d->n_bytes + next->size > DECODE_GOP_BYTES);
}

static int grow(struct decode *d)
{
    const unsigned capacity = d->capacity > 0 ? d->capacity * 2 : GOP_CAPACITY_MIN;
    struct packet **gop = realloc(d->gop, capacity * sizeof(gop[0]));
    if (!gop) {
        return -ENOMEM;
    }
    d->gop = gop;
    d->capacity = capacity;
    return 0;
}

static void append(struct decode *d, struct packet *packet)
{
    if (d->n_gop == d->capacity && grow(d) < 0) {
        lose_gop(d);
        return;
    }
    d->gop[d->n_gop++] = packet_ref(packet);
    d->n_bytes += packet->size;
}

void decode_keep(struct decode *d, struct packet *packet, enum codec codec)
{
    const bool is_first = packet_is_key(packet) || codec == CODEC_MJPEG;
    if (is_first) {
        begin_gop(d);
    } else if (is_full(d, packet)) {
        make_room(d);
    }
    if (is_first || d->n_gop > 0 || d->is_tail) {
        append(d, packet);
    }
}

/* ---- the decoder ---- */

static int open_type(struct decode *d, const struct decoder_type *type, struct option_error *error)
{
    const char *problem = type->problem ? type->problem() : NULL;
    if (problem) {
        text_copy(error->sentence, sizeof(error->sentence), problem);
        return -ENOTSUP;
    }
    void *state = calloc(1, type->state_size > 0 ? type->state_size : 1);
    if (!state) {
        text_copy(error->sentence, sizeof(error->sentence), "no memory for the decoder");
        return -ENOMEM;
    }
    const int result = type->open(state, d->log, error);
    if (result < 0) {
        type->close(state);
        free(state);
        return result;
    }
    d->type = type;
    d->state = state;
    d->is_overloaded = false;
    d->credit_ns = 0;
    return 0;
}

static int ensure_open(struct decode *d, enum codec codec, struct option_error *error)
{
    if (d->type && d->type->takes == codec) {
        return 0;
    }
    decode_close(d);
    if (!retry_is_due(&d->retry, time_monotonic_ns())) {
        text_copy(error->sentence, sizeof(error->sentence), d->retry.sentence);
        return -EAGAIN;
    }
    int result = -ENOTSUP;
    snprintf(error->sentence, sizeof(error->sentence),
             "this build cannot decode %s, and the source gives nothing else", codec_name(codec));
    for (size_t i = 0; d->types && d->types[i]; i++) {
        if (d->types[i]->takes == codec) {
            result = open_type(d, d->types[i], error);
            if (result == 0) {
                break;
            }
        }
    }
    return result;
}

void decode_close(struct decode *d)
{
    if (d->type) {
        d->type->close(d->state);
        free(d->state);
        d->type = NULL;
        d->state = NULL;
    }
    d->is_pending = d->is_stale = d->has_joined = false;
    if (d->is_tail) {
        lose_gop(d);
    }
    d->n_fed = 0;
}

/* ---- decoding ---- */

static int fail(struct decode *d, int result, const struct option_error *error)
{
    if (retry_note_failure(&d->retry, error->sentence, time_monotonic_ns())) {
        log_warn(d->log, "%s, trying again", error->sentence);
    }
    return result;
}

static void earn(struct decode *d, const struct track *track)
{
    d->credit_ns += track_frame_duration_ns(track) * SHARE_NUM / SHARE_DEN;
    d->credit_ns = d->credit_ns < CREDIT_MAX_NS ? d->credit_ns : CREDIT_MAX_NS;
}

void decode_charge(struct decode *d, int64_t duration_ns)
{
    d->credit_ns -= duration_ns;
}

/* Behind: wait for a keyframe, or with pictures that stand alone for time. */
static bool must_leave_out(struct decode *d, const struct packet *newest, const struct track *track)
{
    if (track->codec == CODEC_MJPEG) {
        return d->credit_ns < 0;
    }
    const int64_t frame_ns = track_frame_duration_ns(track);
    if (packet_is_key(newest)) {
        d->is_overloaded = false;
        d->credit_ns = d->credit_ns > frame_ns ? d->credit_ns : frame_ns;
    } else if (d->has_joined && d->n_fed < d->n_gop &&
               newest->arrival_ns - d->gop[d->n_fed]->arrival_ns > DECODE_LATE_NS) {
        d->is_overloaded = true;
    }
    return d->is_overloaded;
}

/* The oldest packet that is not decoded; or what is left to do of the one before. */
static int decode_one(struct decode *d, const struct track *track, int64_t until_ns,
                      struct picture **out, struct option_error *error)
{
    const struct decoder_type *type = d->type;
    int result = 0;
    if (!type->begin) {
        result = type->decode(d->state, d->gop[d->n_fed], track, out, error);
    } else if (!d->is_pending) {
        result = type->begin(d->state, d->gop[d->n_fed], error);
    }
    if (type->begin && result == 0) {
        result = type->collect(d->state, until_ns, out, error);
    }
    d->is_pending = result == -EINPROGRESS;
    if (!d->is_pending) {
        d->n_fed += d->is_stale ? 0 : 1;
        d->is_stale = false;
    }
    return result;
}

/* A broken packet is left out: what comes next may be whole. */
static int take_step(struct decode *d, const struct track *track, int64_t until_ns,
                     struct picture **out, struct option_error *error)
{
    struct picture *picture = NULL;
    const int result = decode_one(d, track, until_ns, &picture, error);
    if (result == -EBADMSG) {
        log_debug(d->log, "%s, skipping the frame", error->sentence);
    }
    if (result == 0) {
        picture_unref(out); /* only the last one is of use */
        *out = picture;
    }
    return result == -EAGAIN || result == -EBADMSG ? 0 : result;
}

static bool is_behind(const struct decode *d)
{
    return d->is_pending || d->n_fed < d->n_gop;
}

static int refuse_lost(struct option_error *error)
{
    snprintf(error->sentence, sizeof(error->sentence),
             "the source's last keyframe is more than " STREAM_RING_WORDS
             " ago, so that no picture can be decoded before the next one: have its encoder make "
             "one every few seconds");
    return -ENODATA;
}

static int run(struct decode *d, const struct packet *newest, const struct track *track,
               struct picture **out, struct option_error *error)
{
    const bool leaves_out = must_leave_out(d, newest, track);
    const int64_t begin_ns = time_monotonic_ns();
    const int64_t share_ns = track_frame_duration_ns(track) * SHARE_NUM / SHARE_DEN;
    const int64_t until_ns = begin_ns + (d->credit_ns < share_ns ? d->credit_ns : share_ns);
    int result = 0;
    if (d->is_pending) { /* it has had its time: only asked, not waited for */
        result = take_step(d, track, begin_ns, out, error);
    }
    while (result == 0 && !leaves_out && d->n_fed < d->n_gop && time_monotonic_ns() <= until_ns) {
        result = take_step(d, track, until_ns, out, error);
    }
    d->has_joined = d->has_joined || !is_behind(d);
    decode_charge(d, time_monotonic_ns() - begin_ns);
    if (*out && newest->arrival_ns - (*out)->arrival_ns > DECODE_LATE_NS) {
        picture_unref(out);
    }
    return result == -EINPROGRESS ? 0 : result;
}

int decode_newest(struct decode *d, const struct packet *packet, const struct track *track,
                  struct picture **out, struct option_error *error)
{
    if (d->is_lost) {
        return refuse_lost(error);
    }
    int result = ensure_open(d, track->codec, error);
    if (result == -EAGAIN) {
        return result;
    }
    if (result < 0) {
        return fail(d, result, error);
    }
    earn(d, track);
    struct picture *picture = NULL;
    result = run(d, packet, track, &picture, error);
    if (result < 0) {
        picture_unref(&picture);
        decode_close(d);
        return fail(d, result, error);
    }
    if (picture) {
        retry_note_success(&d->retry); /* opening alone proves nothing */
    }
    *out = picture;
    return 0;
}
