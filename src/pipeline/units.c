#include "pipeline/worker.h"

#include <errno.h>

static bool is_same_track(const struct track *a, const struct track *b)
{
    return track_is_compatible(a, b) && a->rate.num == b->rate.num && a->rate.den == b->rate.den &&
           a->bitrate_bps == b->bitrate_bps && a->is_reordered == b->is_reordered;
}

static void take_track(struct pipeline *p, const struct track *track)
{
    if (is_same_track(&p->track, track)) {
        return;
    }
    if (p->track.codec != track->codec) {
        decode_close(&p->decode);
        decode_forget(&p->decode);
    }
    struct track copy;
    track_copy(&copy, track);
    track_finish(&p->track);
    p->track = copy;
    const enum encoding_id native = worker_native_encoding(p);
    if (native < N_ENCODINGS) {
        if (p->encodes[native].must_clear_error) {
            output_set_encoding_error(&p->output, native, NULL);
        }
        encode_close(&p->encodes[native]);
        output_set_track(&p->output, native, track);
    }
}

struct rational units_rate(const struct pipeline *p, const struct track *track)
{
    if (track && track->rate.num > 0 && track->rate.den > 0) {
        return track->rate;
    }
    return p->config.rate.num > 0 ? p->config.rate : (struct rational){30, 1};
}

static void encode_wanted(struct pipeline *p, struct picture *picture, struct rational rate)
{
    for (int id = 0; id < N_ENCODINGS; id++) {
        if ((p->wanted & 1U << id) != 0 && id != (int)worker_native_encoding(p)) {
            encode_picture(&p->encodes[id], picture, rate);
        }
    }
}

static void fill_times(int64_t *arrival_ns, int64_t *pts_ns)
{
    if (*arrival_ns == TIME_NONE) {
        *arrival_ns = time_monotonic_ns();
    }
    if (*pts_ns == TIME_NONE) {
        *pts_ns = *arrival_ns;
    }
}

/* Takes over the reference. */
static void take_picture(struct pipeline *p, struct picture *picture, const struct track *track,
                         bool is_return)
{
    fill_times(&picture->arrival_ns, &picture->pts_ns);
    if (is_return) {
        picture->flags |= PACKET_DISCONTINUITY;
        for (int id = 0; id < N_ENCODINGS; id++) {
            p->encodes[id].must_make_key = true;
        }
    }
    track_finish(&p->track);
    encode_wanted(p, picture, units_rate(p, track));
    picture_unref(&picture);
}

/* is_repeated: it comes with every packet, and is told once to each who wants something. */
static void fail_decoding(struct pipeline *p, const char *sentence, bool is_repeated)
{
    for (int id = 0; id < N_ENCODINGS; id++) {
        const bool is_told = is_repeated && p->encodes[id].must_clear_error;
        if ((p->wanted & 1U << id) != 0 && id != (int)worker_native_encoding(p) && !is_told) {
            output_set_encoding_error(&p->output, (enum encoding_id)id, sentence);
            p->encodes[id].must_clear_error = true;
        }
    }
}

static void transcode(struct pipeline *p, struct packet *packet)
{
    const enum encoding_id native = worker_native_encoding(p);
    decode_keep(&p->decode, packet, p->track.codec);
    if ((p->wanted & ~(1U << native)) == 0) {
        decode_close(&p->decode);
        return;
    }
    struct picture *picture = NULL;
    struct option_error error = {""};
    const int result = decode_newest(&p->decode, packet, &p->track, &picture, &error);
    if (result < 0) {
        if (result != -EAGAIN) {
            fail_decoding(p, error.sentence, result == -ENODATA);
        }
        return;
    }
    if (picture) {
        const int64_t begin_ns = time_monotonic_ns();
        encode_wanted(p, picture, units_rate(p, &p->track));
        decode_charge(&p->decode, time_monotonic_ns() - begin_ns);
        picture_unref(&picture);
    }
}

/* Takes over the reference. What others can watch as it is goes first. */
static void take_packet(struct pipeline *p, struct packet *packet, const struct track *track,
                        bool is_return)
{
    fill_times(&packet->arrival_ns, &packet->pts_ns);
    if (packet->encoded_ns == TIME_NONE) {
        packet->encoded_ns = packet->arrival_ns;
    }
    if (is_return) {
        packet->flags |= PACKET_DISCONTINUITY;
    }
    take_track(p, track);
    const enum encoding_id native = worker_native_encoding(p);
    if (native == N_ENCODINGS) {
        packet_unref(&packet);
        return;
    }
    struct packet *mine = packet_ref(packet);
    output_publish(&p->output, native, packet);
    transcode(p, mine);
    packet_unref(&mine);
}

static void note_unit(struct pipeline *p)
{
    if (!p->has_unit) {
        origin_describe(p);
    }
    p->has_unit = true;
    p->is_silent = false;
    p->last_unit_ns = time_monotonic_ns();
    if (p->last_unit_ns - p->opened_ns > PIPELINE_BACKOFF_MAX_NS) {
        retry_note_success(&p->retry);
    }
    shown_update_state(p);
}

void units_take(struct pipeline *p, const struct source_unit *unit)
{
    const bool is_return = p->was_live && !p->has_unit;
    note_unit(p);
    if (unit->picture) {
        take_picture(p, unit->picture, unit->track, is_return);
    } else {
        take_packet(p, unit->packet, unit->track, is_return);
    }
    shown_update_can(p);
}
