#include "pipeline/encode.h"

#include <errno.h>
#include <stdlib.h>

static const char *encoding_name(enum encoding_id id)
{
    return id == ENCODING_JPEG ? "JPEG" : "H.264";
}

/* ---- choosing and opening ---- */

static bool is_candidate(const struct encode *e, const struct encoder_type *type)
{
    return type->makes == e->id && (!e->wanted_name || strcmp(type->name, e->wanted_name) == 0);
}

static struct encoder_params params_for(const struct encode *e, struct picture_size size,
                                        struct rational rate)
{
    struct encoder_params params = e->params;
    params.size = size;
    params.rate = rate;
    if (params.bitrate_bps <= 0) {
        params.bitrate_bps = option_default_bitrate(size);
    }
    params.log = e->log;
    return params;
}

static int try_type(struct encode *e, const struct encoder_type *type,
                    const struct encoder_params *params, struct option_error *error)
{
    const char *problem = type->problem ? type->problem() : NULL;
    if (problem) {
        text_copy(error->sentence, sizeof(error->sentence), problem);
        return -ENOTSUP;
    }
    void *state = calloc(1, type->state_size > 0 ? type->state_size : 1);
    if (!state) {
        text_copy(error->sentence, sizeof(error->sentence), "no memory for the encoder");
        return -ENOMEM;
    }
    const int result = type->open(state, params, error);
    if (result < 0) {
        type->close(state);
        free(state);
        return result;
    }
    e->type = type;
    e->state = state;
    e->can_bitrate = type->can & PRODUCER_CAN_BITRATE;
    return 0;
}

static void say_none(const struct encode *e, struct option_error *error)
{
    if (e->wanted_name) {
        snprintf(error->sentence, sizeof(error->sentence),
                 "this build has no %s encoder '%.40s'; avocet features lists those it has",
                 encoding_name(e->id), e->wanted_name);
    } else {
        snprintf(error->sentence, sizeof(error->sentence), "this build has no %s encoder",
                 encoding_name(e->id));
    }
}

static int open_any(struct encode *e, const struct encoder_params *params,
                    struct option_error *error)
{
    int result = -ENOTSUP;
    say_none(e, error);
    for (size_t i = 0; e->types && e->types[i]; i++) {
        if (is_candidate(e, e->types[i])) {
            result = try_type(e, e->types[i], params, error);
            if (result == 0) {
                break;
            }
        }
    }
    return result;
}

static void close_type(struct encode *e)
{
    if (e->type) {
        e->type->close(e->state);
        free(e->state);
        e->type = NULL;
        e->state = NULL;
    }
}

static void fail(struct encode *e, const char *sentence)
{
    if (retry_note_failure(&e->retry, sentence, time_monotonic_ns())) {
        log_warn(e->log, "%s, trying again", sentence);
    }
    output_set_encoding_error(e->output, e->id, sentence);
    e->must_clear_error = true;
}

static void log_opening(const struct encode *e, const struct encoder_params *params)
{
    if (e->id == ENCODING_JPEG) {
        log_info(e->log, "JPEG by %s, %dx%d, quality %d", e->type->name, params->size.width,
                 params->size.height, params->quality);
    } else {
        log_info(e->log, "%s by %s, %dx%d, %lld kbit/s", encoding_name(e->id), e->type->name,
                 params->size.width, params->size.height, (long long)(params->bitrate_bps / 1000));
    }
}

/* A rate that is measured wavers: that is no reason to begin anew. */
static bool is_near(const struct encode *e, struct rational rate)
{
    const double before = (double)e->rate.num / e->rate.den;
    const double now = (double)rate.num / rate.den;
    return e->id == ENCODING_JPEG || (now > before * 0.95 && now < before * 1.05);
}

static bool ensure_open(struct encode *e, struct picture_size size, struct rational rate)
{
    if (e->type && e->size.width == size.width && e->size.height == size.height &&
        is_near(e, rate)) {
        return true;
    }
    close_type(e);
    if (!retry_is_due(&e->retry, time_monotonic_ns())) {
        return false;
    }
    const struct encoder_params params = params_for(e, size, rate);
    struct option_error error = {""};
    if (open_any(e, &params, &error) < 0) {
        fail(e, error.sentence);
        return false;
    }
    e->size = size;
    e->rate = rate;
    e->must_make_key = true;
    log_opening(e, &params);
    output_set_track(e->output, e->id, e->type->track(e->state));
    return true;
}

/* ---- encoding ---- */

static void publish(struct encode *e, struct packet *packet)
{
    retry_note_success(&e->retry);
    if (e->must_clear_error) {
        e->must_clear_error = false;
        output_set_encoding_error(e->output, e->id, NULL);
    }
    if (packet_is_key(packet)) {
        e->must_make_key = false;
    }
    output_publish(e->output, e->id, packet);
}

void encode_picture(struct encode *e, struct picture *picture, struct rational rate)
{
    if (!ensure_open(e, picture->size, rate)) {
        return;
    }
    struct packet *packet = NULL;
    struct option_error error = {""};
    const int result = e->type->encode(e->state, picture, e->must_make_key, &packet, &error);
    if (result == 0) {
        publish(e, packet);
    } else if (result != -EAGAIN) {
        close_type(e);
        fail(e, error.sentence);
    }
}

void encode_set_bitrate(struct encode *e, int64_t bitrate_bps)
{
    e->params.bitrate_bps = bitrate_bps;
    if (!e->type || !e->type->set_bitrate) {
        return;
    }
    if (e->type->set_bitrate(e->state, bitrate_bps) < 0) {
        log_warn(e->log, "%s refuses %lld bit/s, the bitrate stays", e->type->name,
                 (long long)bitrate_bps);
    }
    output_set_track(e->output, e->id, e->type->track(e->state));
}

unsigned encode_can(const struct encode *e)
{
    return (e->type ? e->type->can & PRODUCER_CAN_KEYFRAME : 0) | e->can_bitrate;
}

void encode_close(struct encode *e)
{
    close_type(e);
    retry_note_success(&e->retry);
    e->must_make_key = false;
    e->must_clear_error = false; /* nobody wants it: the stream forgets the error by itself */
}
