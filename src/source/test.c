#include "source/test.h"

#include <errno.h>
#include <stdio.h>

#include "source/test_picture.h"
#include "source/wait.h"

enum {
    N_PICTURES = 3,    /* one being encoded, one being shown as a snapshot, one being drawn */
    N_WAITING_MAX = 8, /* drawn pictures that the simulated jitter holds back */
    SIDE_MIN = 16,
};

struct waiting_picture {
    struct picture *picture;
    int64_t due_ns; /* monotonic */
};

struct test_source {
    /* options */
    int pattern;
    int64_t jitter_ns;
    char *title;
    /* state */
    struct test_picture drawing;
    struct picture_pool *pool;
    struct rational rate;
    int wake_fd;
    int64_t start_ns; /* monotonic */
    int64_t frame;    /* the next one to draw */
    uint32_t random_state;
    bool is_late; /* frames were skipped before the next one */
    unsigned n_waiting;
    struct waiting_picture waiting[N_WAITING_MAX]; /* oldest first */
};

static int64_t frame_time_ns(const struct test_source *s, int64_t frame)
{
    return s->start_ns + time_rescale(frame, NS_PER_S * s->rate.den, s->rate.num);
}

static int test_open(void *state, const struct source_params *params, struct option_error *error)
{
    struct test_source *s = state;
    const struct picture_size size = {params->size.width & ~1, params->size.height & ~1};
    if (size.width < SIDE_MIN || size.height < SIDE_MIN || params->rate.num <= 0) {
        snprintf(error->sentence, sizeof(error->sentence),
                 "test: cannot draw %dx%d at %d/%d frames per second, set size= and fps=",
                 params->size.width, params->size.height, params->rate.num, params->rate.den);
        return -EINVAL;
    }
    s->pool = picture_pool_create(PIXEL_I420, size,
                                  s->jitter_ns > 0 ? N_PICTURES + N_WAITING_MAX : N_PICTURES);
    if (!s->pool) {
        snprintf(error->sentence, sizeof(error->sentence), "test: no memory for pictures");
        return -ENOMEM;
    }
    test_picture_init(&s->drawing, size, (enum test_pattern)s->pattern, s->title);
    s->rate = params->rate;
    s->wake_fd = params->wake_fd;
    s->start_ns = time_monotonic_ns();
    s->frame = 0;
    s->is_late = false;
    s->random_state = 1;
    return 0;
}

/* Uniform from 0 to jitter_ns; the same sequence in each run. */
static int64_t next_jitter_ns(struct test_source *s)
{
    s->random_state = s->random_state * 1664525 + 1013904223;
    return time_rescale(s->jitter_ns, s->random_state >> 8, 1 << 24);
}

/* Frames whose time passed more than a frame ago are skipped, not drawn in a burst. */
static void skip_late_frames(struct test_source *s, int64_t now_ns)
{
    const int64_t newest = time_rescale(now_ns - s->start_ns, s->rate.num, NS_PER_S * s->rate.den);
    if (newest > s->frame + 1) {
        s->frame = newest;
        s->is_late = true;
    }
}

static void draw_next(struct test_source *s, int64_t now_ns)
{
    int slot = 0;
    struct picture *p = NULL;
    skip_late_frames(s, now_ns);
    if (s->n_waiting < N_WAITING_MAX) {
        p = picture_pool_take(s->pool, &slot);
    }
    const int64_t nominal_ns = frame_time_ns(s, s->frame);
    const struct test_moment moment = {
        .capture_ns = time_real_ns(),
        .elapsed_ns = now_ns - s->start_ns,
        .frame = (uint64_t)s->frame,
    };
    s->frame++;
    if (!p) { /* all pictures are lent to somebody slow: this frame is lost, as in a camera */
        s->is_late = true;
        return;
    }
    test_picture_draw(&s->drawing, p, slot, &moment);
    p->capture_ns = moment.capture_ns;
    p->arrival_ns = now_ns;
    p->pts_ns = nominal_ns; /* a loaded machine draws late; a camera's clock is regular */
    p->flags = s->is_late ? PACKET_DISCONTINUITY : 0;
    s->is_late = false;
    int64_t due_ns = now_ns + next_jitter_ns(s);
    if (s->n_waiting > 0 && due_ns < s->waiting[s->n_waiting - 1].due_ns) {
        due_ns = s->waiting[s->n_waiting - 1].due_ns;
    }
    s->waiting[s->n_waiting++] = (struct waiting_picture){.picture = p, .due_ns = due_ns};
}

static struct picture *take_waiting(struct test_source *s, int64_t now_ns)
{
    if (s->n_waiting == 0 || s->waiting[0].due_ns > now_ns) {
        return NULL;
    }
    struct picture *p = s->waiting[0].picture;
    s->n_waiting--;
    memmove(s->waiting, s->waiting + 1, s->n_waiting * sizeof(s->waiting[0]));
    if (s->jitter_ns > 0) { /* a late camera: it is the capture that was then, not the arrival */
        p->arrival_ns = now_ns;
    }
    return p;
}

static int test_read(void *state, int64_t deadline_ns, struct source_unit *out,
                     struct option_error *error)
{
    struct test_source *s = state;
    for (;;) {
        const int64_t now_ns = time_monotonic_ns();
        const int64_t draw_ns = frame_time_ns(s, s->frame);
        if (now_ns >= draw_ns) {
            draw_next(s, now_ns);
        }
        struct picture *p = take_waiting(s, now_ns);
        if (p) {
            *out = (struct source_unit){.picture = p};
            return 0;
        }
        int64_t until_ns = frame_time_ns(s, s->frame);
        if (s->n_waiting > 0 && s->waiting[0].due_ns < until_ns) {
            until_ns = s->waiting[0].due_ns;
        }
        const int result =
            source_wait(-1, 0, s->wake_fd, until_ns < deadline_ns ? until_ns : deadline_ns);
        if (result != -ETIMEDOUT || time_monotonic_ns() >= deadline_ns) {
            return result;
        }
    }
}

static void test_describe(const void *state, char *out, size_t size)
{
    const struct test_source *s = state;
    snprintf(out, size, "%dx%d YU12 at %.4g fps, drawn here", s->drawing.size.width,
             s->drawing.size.height, (double)s->rate.num / s->rate.den);
}

static void test_close(void *state)
{
    struct test_source *s = state;
    for (unsigned i = 0; i < s->n_waiting; i++) {
        picture_unref(&s->waiting[i].picture);
    }
    s->n_waiting = 0;
    picture_pool_drop(&s->pool);
}

static const char *const patterns[] = {
    [TEST_PATTERN_BARS] = "bars",
    [TEST_PATTERN_NOISE] = "noise",
    [TEST_PATTERN_STILL] = "still",
    NULL,
};

static const struct option test_options[] = {
    {.name = "pattern",
     .type = OPTION_CHOICE,
     .offset = offsetof(struct test_source, pattern),
     .def = "bars",
     .choices = patterns,
     .help = "what is drawn: noise costs bits, still moves nothing but the time strip"},
    {.name = "jitter",
     .type = OPTION_DURATION,
     .offset = offsetof(struct test_source, jitter_ns),
     .def = "0",
     .min = 0,
     .max = 100 * NS_PER_MS,
     .help = "hold each picture back for a random time up to this, as a late camera would"},
    {.name = "title",
     .type = OPTION_TEXT,
     .offset = offsetof(struct test_source, title),
     .def = "avocet",
     .help = "name written into the picture"},
    {0},
};

const struct source_type source_test = {
    .scheme = "test",
    .summary = "moving test picture with clock and timecode, test:",
    .state_size = sizeof(struct test_source),
    .options = test_options,
    .open = test_open,
    .read = test_read,
    .describe = test_describe,
    .close = test_close,
    .gives_pictures_only = true,
};
