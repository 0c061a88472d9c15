/*
 * Whole frames of a streaming V4L2 device, in order; where we are late the newest.
 *
 * Broken frames are skipped, frames that the driver says it lost are counted. Where each frame
 * stands for itself (raw, MJPEG) those that wait behind a newer one are skipped too: late is worse
 * than lost. So are those beyond a wanted rate that the camera cannot be set to.
 *
 * Order of calls: open; take, then lend or give back through the buffers; close (copes with a
 * zeroed struct).
 *
 * Units:  times as in struct picture; a time stamp of another clock is replaced by the arrival.
 * Thread: the pipeline's.
 * Errors: -EAGAIN none is there now; -EIO V4L2_FRAMES_ERRORS_MAX broken ones in a row; else the
 *         driver's, -ENODEV when it was unplugged.
 */
#ifndef AVOCET_SOURCE_V4L2_FRAMES_H
#define AVOCET_SOURCE_V4L2_FRAMES_H

#include "source/v4l2_buffers.h"

enum { V4L2_FRAMES_ERRORS_MAX = 30 };

struct v4l2_frames {
    struct v4l2_buffers *buffers;
    struct v4l2_format_agreed format;
    unsigned n_errors; /* in a row */
    bool is_sequence_known;
    uint32_t sequence;   /* of the newest frame */
    int64_t interval_ns; /* frames are thinned out to one in this; 0: every one */
    int64_t due_ns;      /* pts of the next one wanted */
    int64_t last_pts_ns;
    bool is_discontinuity; /* frames were lost since somebody cleared this */
    uint64_t n_lost;
};

struct v4l2_times {
    int64_t capture_ns;
    int64_t arrival_ns;
    int64_t pts_ns;
};

/* Maps the buffers and starts the stream. rate: num 0: every frame. */
int v4l2_frames_open(struct v4l2_frames *f, const struct v4l2_device *d,
                     const struct v4l2_format_agreed *format, struct rational rate);
int v4l2_frames_take(struct v4l2_frames *f, struct v4l2_filled *out, struct v4l2_times *times);
void v4l2_frames_note_lost(struct v4l2_frames *f, uint64_t n);
void v4l2_frames_close(struct v4l2_frames *f);

#endif
