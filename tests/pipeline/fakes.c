#include "fakes.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

struct fake_switches fake;

void fake_reset(void)
{
    memset((void *)&fake, 0, sizeof(fake));
    fake.gop = 10;
    fake.packet_bytes = 16;
    fake.width = 64;
}

/* ---- sources ---- */

struct fake_source {
    char *title; /* option */
    int wake_fd;
    int64_t next_ns;
    int n_units;
    bool is_key_wished;
    struct track track;
};

static const struct option fake_options[] = {
    {.name = "title",
     .type = OPTION_TEXT,
     .offset = offsetof(struct fake_source, title),
     .def = "none",
     .help = "a text"},
    {0},
};

static int source_open(void *state, const struct source_params *params, struct option_error *error)
{
    struct fake_source *s = state;
    fake.n_opens++;
    s->wake_fd = params->wake_fd;
    s->next_ns = time_monotonic_ns();
    s->track = (struct track){.codec = CODEC_H264, .size = {fake.width, 48}, .rate = {250, 1}};
    fake.title_length = (int)strlen(s->title);
    if (fake.n_failing_opens > 0) {
        fake.n_failing_opens--;
        snprintf(error->sentence, sizeof(error->sentence), "fake: %s is not there",
                 params->location);
        return -ENODEV;
    }
    return 0;
}

static int wait_for_frame(struct fake_source *s, int64_t deadline_ns)
{
    for (;;) {
        const int64_t now_ns = time_monotonic_ns();
        s->next_ns = fake.is_silent ? now_ns : s->next_ns;
        if (!fake.is_silent && now_ns >= s->next_ns) {
            s->next_ns += FAKE_FRAME_MS * NS_PER_MS;
            return 0;
        }
        const int64_t until_ns =
            fake.is_silent || s->next_ns > deadline_ns ? deadline_ns : s->next_ns;
        if (now_ns >= deadline_ns) {
            return -ETIMEDOUT;
        }
        struct pollfd fd = {.fd = s->wake_fd, .events = POLLIN};
        if (poll(&fd, 1, (int)((until_ns - now_ns) / NS_PER_MS) + 1) > 0) {
            return -EINTR;
        }
    }
}

static void hang(void)
{
    while (fake.is_hanging) {
        fake.has_hung = true;
        poll(NULL, 0, 1);
    }
}

static int before_unit(struct fake_source *s, int64_t deadline_ns, struct option_error *error)
{
    if (fake.is_hanging) {
        hang();
    }
    if (fake.has_ended) {
        snprintf(error->sentence, sizeof(error->sentence), "fake: at its end");
        return -EPIPE;
    }
    if (fake.dies_after > 0 && s->n_units >= fake.dies_after) {
        snprintf(error->sentence, sizeof(error->sentence), "fake: died");
        return -EIO;
    }
    return wait_for_frame(s, deadline_ns);
}

static int packets_read(void *state, int64_t deadline_ns, struct source_unit *out,
                        struct option_error *error)
{
    struct fake_source *s = state;
    const int result = before_unit(s, deadline_ns, error);
    if (result < 0) {
        return result;
    }
    struct packet *p = packet_create((size_t)fake.packet_bytes);
    p->size = (size_t)fake.packet_bytes;
    memset(p->data, 0, p->size);
    p->flags = s->n_units % fake.gop == 0 || s->is_key_wished ? PACKET_KEY : 0;
    s->is_key_wished = false;
    s->n_units++;
    fake.n_units++;
    *out = (struct source_unit){.packet = p, .track = &s->track};
    return 0;
}

static int pictures_read(void *state, int64_t deadline_ns, struct source_unit *out,
                         struct option_error *error)
{
    struct fake_source *s = state;
    const int result = before_unit(s, deadline_ns, error);
    if (result < 0) {
        return result;
    }
    s->n_units++;
    fake.n_units++;
    *out = (struct source_unit){
        .picture = picture_create(PIXEL_I420, (struct picture_size){fake.width, 48})};
    out->picture->arrival_ns = time_monotonic_ns();
    out->picture->pts_ns = out->picture->arrival_ns;
    return 0;
}

static unsigned source_can(const void *state)
{
    (void)state;
    return PRODUCER_CAN_KEYFRAME;
}

static int source_wish(void *state, const struct wish *wish, struct option_error *error)
{
    (void)error;
    if (wish->type == WISH_CONTROL) {
        fake.n_controls++;
        return 0;
    }
    fake.n_source_keys++;
    ((struct fake_source *)state)->is_key_wished = true;
    return 0;
}

static void source_close(void *state)
{
    (void)state;
    fake.n_closes++;
}

const struct source_type fake_packets = {
    .scheme = "packets",
    .state_size = sizeof(struct fake_source),
    .options = fake_options,
    .open = source_open,
    .read = packets_read,
    .can = source_can,
    .wish = source_wish,
    .close = source_close,
};

const struct source_type fake_pipe = {
    .scheme = "pipe",
    .state_size = sizeof(struct fake_source),
    .options = fake_options,
    .open = source_open,
    .read = packets_read,
    .close = source_close,
    .is_drained_while_asleep = true,
};

const struct source_type fake_pictures = {
    .scheme = "pictures",
    .state_size = sizeof(struct fake_source),
    .options = fake_options,
    .open = source_open,
    .read = pictures_read,
    .close = source_close,
};

/* ---- encoders ---- */

struct fake_encoder {
    enum encoding_id id;
    struct track track;
    bool is_first;
};

static void encoder_init(struct fake_encoder *e, enum encoding_id id,
                         const struct encoder_params *params)
{
    *e = (struct fake_encoder){.id = id, .is_first = true};
    e->track = (struct track){.codec = id == ENCODING_JPEG ? CODEC_MJPEG : CODEC_H264,
                              .size = params->size,
                              .rate = params->rate,
                              .bitrate_bps = params->bitrate_bps};
    fake.n_encoder_opens[id]++;
    fake.n_open_encoders[id]++;
}

static int h264_open(void *state, const struct encoder_params *params, struct option_error *error)
{
    if (fake.n_refusals > 0) {
        fake.n_refusals--;
        snprintf(error->sentence, sizeof(error->sentence), "fake: the encoder is in use");
        return -EBUSY;
    }
    encoder_init(state, ENCODING_H264, params);
    fake.bitrate_bps = params->bitrate_bps;
    return 0;
}

static int jpeg_open(void *state, const struct encoder_params *params, struct option_error *error)
{
    (void)error;
    encoder_init(state, ENCODING_JPEG, params);
    return 0;
}

static const struct track *encoder_track(const void *state)
{
    return &((const struct fake_encoder *)state)->track;
}

static int encoder_encode(void *state, struct picture *picture, bool force_key, struct packet **out,
                          struct option_error *error)
{
    struct fake_encoder *e = state;
    if (e->id == ENCODING_H264 && fake.n_failing_encodes > 0) {
        fake.n_failing_encodes--;
        snprintf(error->sentence, sizeof(error->sentence), "fake: encoding failed");
        return -EIO;
    }
    if (e->id == ENCODING_H264 && fake.encode_ms > 0) {
        poll(NULL, 0, fake.encode_ms);
    }
    struct packet *p = packet_create(16);
    p->size = 16;
    memset(p->data, 0, p->size);
    p->arrival_ns = picture->arrival_ns;
    p->pts_ns = picture->pts_ns;
    p->encoded_ns = time_monotonic_ns();
    p->flags = picture->flags;
    if (e->is_first || force_key || e->id == ENCODING_JPEG) {
        p->flags |= PACKET_KEY;
        fake.n_forced_keys += e->id == ENCODING_H264 && !e->is_first;
    }
    e->is_first = false;
    *out = p;
    return 0;
}

static int encoder_set_bitrate(void *state, int64_t bitrate_bps)
{
    ((struct fake_encoder *)state)->track.bitrate_bps = bitrate_bps;
    fake.bitrate_bps = bitrate_bps;
    return 0;
}

static void encoder_close(void *state)
{
    struct fake_encoder *e = state;
    if (e->track.codec != CODEC_NONE) {
        fake.n_open_encoders[e->id]--;
    }
}

static const struct encoder_type fake_h264 = {
    .name = "fake264",
    .makes = ENCODING_H264,
    .can = PRODUCER_CAN_KEYFRAME | PRODUCER_CAN_BITRATE,
    .state_size = sizeof(struct fake_encoder),
    .open = h264_open,
    .track = encoder_track,
    .encode = encoder_encode,
    .set_bitrate = encoder_set_bitrate,
    .close = encoder_close,
};

static const struct encoder_type fake_jpeg = {
    .name = "fakejpeg",
    .makes = ENCODING_JPEG,
    .state_size = sizeof(struct fake_encoder),
    .open = jpeg_open,
    .track = encoder_track,
    .encode = encoder_encode,
    .close = encoder_close,
};

/* ---- decoder ---- */

static int decoder_open(void *state, const struct log *log, struct option_error *error)
{
    (void)state;
    (void)log;
    (void)error;
    fake.n_open_decoders++;
    fake.n_decoder_opens++;
    return 0;
}

static int decoder_decode(void *state, const struct packet *packet, const struct track *track,
                          struct picture **out, struct option_error *error)
{
    if (fake.n_failing_decodes > 0) {
        fake.n_failing_decodes--;
        snprintf(error->sentence, sizeof(error->sentence), "pictures of this kind are not decoded");
        return -ENOTSUP;
    }
    bool *has_key = state;
    *has_key = *has_key || packet_is_key(packet);
    if (!*has_key) {
        return -EAGAIN;
    }
    fake.n_decoded++;
    *out = picture_create(PIXEL_I420, track->size);
    (*out)->arrival_ns = packet->arrival_ns;
    (*out)->pts_ns = packet->pts_ns;
    return 0;
}

static void decoder_close(void *state)
{
    (void)state;
    fake.n_open_decoders--;
}

static const struct decoder_type fake_decoder = {
    .name = "fakedec",
    .takes = CODEC_H264,
    .state_size = sizeof(bool),
    .open = decoder_open,
    .decode = decoder_decode,
    .close = decoder_close,
};

static const struct source_type *const sources[] = {&fake_packets, &fake_pictures, NULL};
static const struct encoder_type *const encoders[] = {&fake_h264, &fake_jpeg, NULL};
static const struct decoder_type *const decoders[] = {&fake_decoder, NULL};
static const struct decoder_type *const no_decoders[] = {NULL};

const struct pipeline_types fake_types = {sources, encoders, decoders};
const struct pipeline_types fake_types_without_decoder = {sources, encoders, no_decoders};
