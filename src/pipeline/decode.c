#include "pipeline/decode.h"

#include <errno.h>
#include <stdlib.h>

/* Of each frame's time decoding may use this part; saved up to CREDIT_MAX_NS. */
enum { SHARE_NUM = 4, SHARE_DEN = 5 };
#define CREDIT_MAX_NS (100 * NS_PER_MS)
#define CREDIT_MIN_NS (-200 * NS_PER_MS)

/* ---- the newest group of pictures ---- */

void decode_forget(struct decode *d)
{
    while (d->n_gop > 0) {
        packet_unref(&d->gop[--d->n_gop]);
    }
}

void decode_keep(struct decode *d, struct packet *packet, enum codec codec)
{
    const bool stands_alone = codec == CODEC_MJPEG;
    if (packet_is_key(packet) || stands_alone || d->n_gop == DECODE_GOP_MAX) {
        decode_forget(d);
    }
    if (packet_is_key(packet) || stands_alone || d->n_gop > 0) {
        d->gop[d->n_gop++] = packet_ref(packet);
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
    d->is_running = false;
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
    d->is_running = false;
}

/* ---- decoding ---- */

static int fail(struct decode *d, int result, const struct option_error *error)
{
    if (retry_note_failure(&d->retry, error->sentence, time_monotonic_ns())) {
        log_warn(d->log, "%s, trying again", error->sentence);
    }
    return result;
}

/* A broken packet is left out: what comes next may be whole. */
static int decode_one(struct decode *d, const struct packet *packet, const struct track *track,
                      struct picture **out, struct option_error *error)
{
    picture_unref(out);
    const int result = d->type->decode(d->state, packet, track, out, error);
    if (result == -EBADMSG) {
        log_debug(d->log, "%s, skipping the frame", error->sentence);
    }
    return result == -EAGAIN || result == -EBADMSG ? 0 : result;
}

/* From the kept keyframe on: only the last picture is of use. */
static int start_running(struct decode *d, const struct track *track, struct picture **out,
                         struct option_error *error)
{
    for (unsigned i = 0; i < d->n_gop; i++) {
        const int result = decode_one(d, d->gop[i], track, out, error);
        if (result < 0) {
            return result;
        }
    }
    d->is_running = d->n_gop > 0;
    return 0;
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
static bool must_leave_out(struct decode *d, const struct packet *newest, enum codec codec)
{
    if (codec == CODEC_MJPEG) {
        return d->credit_ns < 0;
    }
    if (packet_is_key(newest)) {
        d->is_overloaded = false;
        d->credit_ns = d->credit_ns > 0 ? d->credit_ns : 0;
    } else if (d->credit_ns < CREDIT_MIN_NS) {
        d->is_overloaded = true;
        d->is_running = false;
    }
    return d->is_overloaded;
}

static int run(struct decode *d, const struct packet *newest, const struct track *track,
               struct picture **out, struct option_error *error)
{
    if (must_leave_out(d, newest, track->codec)) {
        return 0;
    }
    if (!d->is_running) {
        return start_running(d, track, out, error);
    }
    const int64_t begin_ns = time_monotonic_ns();
    const int result = decode_one(d, newest, track, out, error);
    decode_charge(d, time_monotonic_ns() - begin_ns);
    return result;
}

int decode_newest(struct decode *d, const struct packet *packet, const struct track *track,
                  struct picture **out, struct option_error *error)
{
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
