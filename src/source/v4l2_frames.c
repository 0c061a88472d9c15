#include "source/v4l2_frames.h"

#include <errno.h>

#define AGE_MAX_NS (2 * NS_PER_S) /* an older time stamp is another clock's */

int v4l2_frames_open(struct v4l2_frames *f, const struct v4l2_device *d,
                     const struct v4l2_format_agreed *format, struct rational rate)
{
    *f = (struct v4l2_frames){
        .format = *format,
        .interval_ns = rate.num > 0 ? NS_PER_S * rate.den / rate.num : 0,
        .due_ns = TIME_NONE,
        .last_pts_ns = TIME_NONE,
    };
    const int result = v4l2_buffers_create(&f->buffers, d, format);
    return result < 0 ? result : v4l2_buffers_start(f->buffers);
}

void v4l2_frames_close(struct v4l2_frames *f)
{
    v4l2_buffers_close(&f->buffers);
}

void v4l2_frames_note_lost(struct v4l2_frames *f, uint64_t n)
{
    f->n_lost += n;
    f->is_discontinuity = true;
}

/* Drivers count every frame of the sensor; what is missing was lost for want of time or bandwidth.
 */
static void follow_sequence(struct v4l2_frames *f, uint32_t sequence)
{
    const uint32_t n_missing = sequence - f->sequence - 1;
    if (f->is_sequence_known && n_missing > 0 && n_missing < UINT32_MAX / 2) {
        v4l2_frames_note_lost(f, n_missing);
    }
    f->sequence = sequence;
    f->is_sequence_known = true;
}

static bool is_whole(const struct v4l2_frames *f, const struct v4l2_filled *filled)
{
    const bool is_raw = f->format.pixel->codec == CODEC_RAW;
    if (filled->flags & V4L2_BUF_FLAG_ERROR) {
        return false;
    }
    for (unsigned i = 0; i < f->format.n_planes; i++) {
        if (filled->planes[i].size < (is_raw ? f->format.size_bytes[i] : 1)) {
            return false;
        }
    }
    return true;
}

static struct v4l2_times times_of(struct v4l2_frames *f, const struct v4l2_filled *filled)
{
    const int64_t now_ns = time_monotonic_ns();
    const bool is_monotonic =
        (filled->flags & V4L2_BUF_FLAG_TIMESTAMP_MASK) == V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
    const int64_t age_ns = now_ns - filled->timestamp_ns;
    const int64_t captured_ns =
        is_monotonic && age_ns >= 0 && age_ns < AGE_MAX_NS ? filled->timestamp_ns : now_ns;
    struct v4l2_times t = {
        .capture_ns = time_real_ns() - (now_ns - captured_ns),
        .arrival_ns = now_ns,
        .pts_ns = captured_ns,
    };
    if (f->last_pts_ns != TIME_NONE && t.pts_ns <= f->last_pts_ns) {
        t.pts_ns = f->last_pts_ns + 1;
    }
    f->last_pts_ns = t.pts_ns;
    return t;
}

/* Thin out evenly: 60 frames per second to 25 are two or three of the camera's apart. */
static bool is_due(struct v4l2_frames *f, int64_t pts_ns)
{
    const struct rational rate = f->format.rate;
    if (f->interval_ns == 0 || rate.num <= 0) {
        return true;
    }
    const int64_t half_ns = NS_PER_S * rate.den / rate.num / 2;
    if (f->due_ns != TIME_NONE && pts_ns < f->due_ns - half_ns) {
        return false;
    }
    const bool is_in_step = f->due_ns != TIME_NONE && pts_ns < f->due_ns + f->interval_ns;
    f->due_ns = (is_in_step ? f->due_ns : pts_ns) + f->interval_ns;
    return true;
}

static int take_whole(struct v4l2_frames *f, struct v4l2_filled *out)
{
    int result = v4l2_buffers_take(f->buffers, out);
    if (result == 0) {
        follow_sequence(f, out->sequence);
        if (is_whole(f, out)) {
            f->n_errors = 0;
            return 0;
        }
        v4l2_buffers_give_back(f->buffers, out);
        result = -EIO;
    }
    if (result == -EIO) {
        v4l2_frames_note_lost(f, 1);
        return ++f->n_errors > V4L2_FRAMES_ERRORS_MAX ? -EIO : -EAGAIN;
    }
    return result;
}

int v4l2_frames_take(struct v4l2_frames *f, struct v4l2_filled *out, struct v4l2_times *times)
{
    struct v4l2_filled newest;
    int result = take_whole(f, &newest);
    if (result < 0) {
        return result;
    }
    while (f->format.pixel->codec != CODEC_H264) {
        struct v4l2_filled newer;
        result = take_whole(f, &newer);
        if (result < 0) {
            break; /* what is wrong with the device shows again at the next call */
        }
        v4l2_buffers_give_back(f->buffers, &newest);
        v4l2_frames_note_lost(f, 1);
        newest = newer;
    }
    *times = times_of(f, &newest);
    if (!is_due(f, times->pts_ns)) {
        v4l2_buffers_give_back(f->buffers, &newest);
        return -EAGAIN;
    }
    *out = newest;
    return 0;
}
