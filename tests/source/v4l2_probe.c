/*
 * What the V4L2 source gets from a real driver, printed: the tests in tests/vm run it inside the
 * virtual machine.
 *
 *   v4l2_probe list
 *   v4l2_probe capture LOCATION N OPTIONS        N frames; OPTIONS: "size=… fps=… format=…"
 *   v4l2_probe hold LOCATION N OPTIONS           keeps every picture: the camera must not starve
 *   v4l2_probe control LOCATION NAME VALUE       fulfils a wish while capturing
 *   v4l2_probe replug LOCATION DRIVER DEVICE     unbinds and binds DEVICE at /sys/…/DRIVER
 * meanwhile
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "source/v4l2.h"

enum { HELD_MAX = 64, FRAMES_BEFORE_UNPLUG = 5, TRIES_MAX = 200 };

#define READ_NS (10 * NS_PER_S)

struct probe {
    void *state;
    struct source_params params;
    struct option_error error;
};

struct seen {
    int n_frames;
    int n_keys;
    int n_discontinuities;
    int64_t first_pts_ns;
    int64_t last_pts_ns;
    int64_t oldest_ns; /* capture to read */
    size_t n_bytes;
    int luma; /* of the newest raw picture's middle */
};

static void on_device(const struct source_device *d, void *arg)
{
    printf("device %s node=%s name=\"%s\" problem=\"%s\"\n%s", d->url, d->node, d->name, d->problem,
           d->details ? d->details : "");
}

static int set_option(struct probe *p, const char *name, const char *value)
{
    if (strcmp(name, "size") == 0) {
        p->params.is_size_given = true;
        return option_parse_size(value, &p->params.size);
    }
    if (strcmp(name, "fps") == 0) {
        p->params.is_rate_given = true;
        return option_parse_rate(value, &p->params.rate);
    }
    return option_set(source_v4l2.options, p->state, name, value, &p->error);
}

static int probe_init(struct probe *p, const char *location, const char *options)
{
    static const struct log log = {.topic = "probe"};
    char copy[300];
    char *rest = NULL;
    *p = (struct probe){.state = calloc(1, source_v4l2.state_size)};
    p->params = (struct source_params){
        .location = location, .size = {1280, 720}, .rate = {30, 1}, .wake_fd = -1, .log = &log};
    option_init(source_v4l2.options, p->state);
    snprintf(copy, sizeof(copy), "%s", options);
    for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        char *equals = strchr(word, '=');
        if (!equals) {
            return -EINVAL;
        }
        *equals = '\0';
        if (set_option(p, word, equals + 1) < 0) {
            printf("refused: %s\n", p->error.sentence);
            return -EINVAL;
        }
    }
    return 0;
}

static void probe_finish(struct probe *p)
{
    source_v4l2.close(p->state);
    option_finish(source_v4l2.options, p->state);
    free(p->state);
}

static int probe_open(struct probe *p)
{
    char text[200];
    const int result = source_v4l2.open(p->state, &p->params, &p->error);
    if (result < 0) {
        printf("cannot open: %s\n", p->error.sentence);
        return result;
    }
    source_v4l2.describe(p->state, text, sizeof(text));
    printf("opened %s\n", text);
    return 0;
}

static void look(struct seen *seen, const struct source_unit *unit)
{
    const int64_t capture_ns = unit->picture ? unit->picture->capture_ns : unit->packet->capture_ns;
    const int64_t pts_ns = unit->picture ? unit->picture->pts_ns : unit->packet->pts_ns;
    const unsigned flags = unit->picture ? unit->picture->flags : unit->packet->flags;
    const int64_t age_ns = time_real_ns() - capture_ns;
    seen->first_pts_ns = seen->n_frames == 0 ? pts_ns : seen->first_pts_ns;
    if (seen->n_frames > 0 && pts_ns <= seen->last_pts_ns) {
        printf("pts went back\n");
    }
    seen->last_pts_ns = pts_ns;
    seen->oldest_ns = age_ns > seen->oldest_ns ? age_ns : seen->oldest_ns;
    seen->n_discontinuities += (flags & PACKET_DISCONTINUITY) != 0;
    seen->n_keys += (flags & PACKET_KEY) != 0;
    seen->n_frames++;
    if (unit->picture) {
        const struct picture *p = unit->picture;
        seen->luma = p->planes[0][p->size.height / 2 * p->strides[0] + p->size.width / 2 * 2];
    } else {
        seen->n_bytes += unit->packet->size;
    }
}

static int read_frames(struct probe *p, int n, struct seen *seen, struct source_unit *held)
{
    for (int i = 0; i < n; i++) {
        struct source_unit unit = {0};
        const int result =
            source_v4l2.read(p->state, time_monotonic_ns() + READ_NS, &unit, &p->error);
        if (result < 0) {
            printf("read failed: %s (%s)\n", strerror(-result), p->error.sentence);
            return result;
        }
        if (seen->n_frames == 0 && unit.picture) {
            printf("pictures %s %dx%d range=%s\n", pixel_format_name(unit.picture->format),
                   unit.picture->size.width, unit.picture->size.height,
                   unit.picture->full_range ? "full" : "limited");
        } else if (seen->n_frames == 0) {
            printf("packets %s %dx%d %s\n", codec_name(unit.track->codec), unit.track->size.width,
                   unit.track->size.height, unit.track->codec_string);
        }
        look(seen, &unit);
        if (held) {
            held[i] = unit;
        } else {
            picture_unref(&unit.picture);
            packet_unref(&unit.packet);
        }
    }
    return 0;
}

static void print_seen(const struct seen *seen)
{
    const double seconds = (double)(seen->last_pts_ns - seen->first_pts_ns) / 1e9;
    printf("frames %d keys %d discontinuities %d bytes %zu rate %.1f oldest_ms %.0f luma %d\n",
           seen->n_frames, seen->n_keys, seen->n_discontinuities, seen->n_bytes,
           seconds > 0 ? (seen->n_frames - 1) / seconds : 0, (double)seen->oldest_ns / 1e6,
           seen->luma);
}

static int capture(struct probe *p, int n)
{
    struct seen seen = {0};
    int result = probe_open(p);
    if (result == 0) {
        result = read_frames(p, n, &seen, NULL);
        print_seen(&seen);
    }
    return result;
}

static int hold(struct probe *p, int n)
{
    struct source_unit held[HELD_MAX] = {0};
    struct seen seen = {0};
    int result = probe_open(p);
    if (result == 0) {
        result = read_frames(p, n < HELD_MAX ? n : HELD_MAX, &seen, held);
        print_seen(&seen);
    }
    source_v4l2.close(p->state);
    unsigned sum = 0; /* memory of what is still held stays readable */
    for (int i = 0; i < HELD_MAX; i++) {
        if (held[i].picture) {
            const struct picture *picture = held[i].picture;
            sum += picture->planes[0][(picture->size.height - 1) * picture->strides[0]];
        }
        picture_unref(&held[i].picture);
    }
    printf("held pictures outlived the source %s\n", sum > 0 ? "well" : "black");
    return result;
}

static int control(struct probe *p, const char *name, const char *value)
{
    struct wish wish = {.type = WISH_CONTROL};
    struct seen seen = {0};
    snprintf(wish.name, sizeof(wish.name), "%s", name);
    snprintf(wish.value, sizeof(wish.value), "%s", value);
    int result = probe_open(p);
    if (result == 0) {
        result = read_frames(p, 5, &seen, NULL);
        print_seen(&seen);
    }
    if (result == 0) {
        result = source_v4l2.wish(p->state, &wish, &p->error);
        printf("wish: %s\n", result < 0 ? p->error.sentence : "fulfilled");
        (void)read_frames(p, 10, &seen, NULL);
        print_seen(&seen);
    }
    return result;
}

static int write_sysfs(const char *driver, const char *verb, const char *device)
{
    char path[300];
    snprintf(path, sizeof(path), "%s/%s", driver, verb);
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    const bool is_written = fd >= 0 && write(fd, device, strlen(device)) > 0;
    printf("%s %s: %s\n", verb, device, is_written ? "done" : strerror(errno));
    if (fd >= 0) {
        close(fd);
    }
    return is_written ? 0 : -EIO;
}

static int replug(struct probe *p, const char *driver, const char *device)
{
    struct seen before = {0};
    struct seen after = {0};
    if (probe_open(p) < 0 || read_frames(p, FRAMES_BEFORE_UNPLUG, &before, NULL) < 0 ||
        write_sysfs(driver, "unbind", device) < 0) {
        return -EIO;
    }
    if (read_frames(p, 100, &before, NULL) == 0) {
        printf("it went on without a device\n");
        return -EIO;
    }
    source_v4l2.close(p->state);
    (void)probe_open(p);
    source_v4l2.close(p->state);
    if (write_sysfs(driver, "bind", device) < 0) {
        return -EIO;
    }
    int result = -EIO;
    for (int i = 0; i < TRIES_MAX && result < 0; i++) { /* the node takes a moment to come */
        result = source_v4l2.open(p->state, &p->params, &p->error);
        if (result < 0) {
            source_v4l2.close(p->state);
            usleep(20000);
        }
    }
    if (result == 0) {
        result = read_frames(p, FRAMES_BEFORE_UNPLUG, &after, NULL);
    }
    printf("back: frames %d\n", after.n_frames);
    return result;
}

int main(int argc, char **argv)
{
    struct probe p;
    int result = -EINVAL;
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc == 2 && strcmp(argv[1], "list") == 0) {
        return source_v4l2.list(on_device, NULL) < 0;
    }
    if (argc != 5) {
        fprintf(stderr, "v4l2_probe: see the head of its source for the arguments\n");
        return 2;
    }
    const bool has_options = strcmp(argv[1], "capture") == 0 || strcmp(argv[1], "hold") == 0;
    if (probe_init(&p, argv[2], has_options ? argv[4] : "") == 0) {
        if (strcmp(argv[1], "capture") == 0) {
            result = capture(&p, atoi(argv[3]));
        } else if (strcmp(argv[1], "hold") == 0) {
            result = hold(&p, atoi(argv[3]));
        } else if (strcmp(argv[1], "control") == 0) {
            result = control(&p, argv[3], argv[4]);
        } else if (strcmp(argv[1], "replug") == 0) {
            result = replug(&p, argv[3], argv[4]);
        }
    }
    probe_finish(&p);
    return result < 0;
}
