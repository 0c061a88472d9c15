#include "media/track.h"

#include <stdio.h>

#include "base/time.h"

enum { DEFAULT_RATE = 30 };

const char *codec_name(enum codec codec)
{
    static const char *const names[N_CODECS] = {
        [CODEC_NONE] = "none", [CODEC_H264] = "h264", [CODEC_MJPEG] = "mjpeg", [CODEC_RAW] = "raw"};
    return codec < N_CODECS ? names[codec] : "none";
}

void track_copy(struct track *out, const struct track *in)
{
    *out = *in;
    out->parameter_sets = buf_ref(in->parameter_sets);
}

void track_finish(struct track *t)
{
    buf_unref(&t->parameter_sets);
    *t = (struct track){0};
}

bool track_is_compatible(const struct track *a, const struct track *b)
{
    return a->codec == b->codec && a->size.width == b->size.width &&
           a->size.height == b->size.height &&
           bytes_equal(buf_bytes(a->parameter_sets), buf_bytes(b->parameter_sets));
}

void track_describe(const struct track *t, char *out, size_t size)
{
    if (t->codec == CODEC_NONE) {
        snprintf(out, size, "H.264, nothing received yet");
    } else if (t->rate.num > 0) {
        snprintf(out, size, "%dx%d %s at %.4g fps", t->size.width, t->size.height, t->codec_string,
                 (double)t->rate.num / t->rate.den);
    } else {
        snprintf(out, size, "%dx%d %s", t->size.width, t->size.height, t->codec_string);
    }
}

int64_t track_frame_duration_ns(const struct track *t)
{
    if (t->rate.num <= 0 || t->rate.den <= 0) {
        return NS_PER_S / DEFAULT_RATE;
    }
    return NS_PER_S * t->rate.den / t->rate.num;
}
