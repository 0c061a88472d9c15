#include "source/rpicam.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "source/byte_stream.h"

enum {
    ARGUMENTS_MAX = 40,
    ARGUMENT_SIZE = 320,
    PATH_SIZE = 512,
    SAID_SIZE = 160, /* of its last line on stderr */
    END_POLL_MS = 10,
    END_MS = 1000, /* to let go of the camera, after which it is killed */
};

struct rpicam_options {
    bool hflip;
    bool vflip;
    char *roi;
    char *awb;
    char *exposure;
    char *denoise;
    char *metering;
    char *tuning_file;
};

struct rpicam {
    struct rpicam_options options; /* first */
    struct byte_stream stream;
    int wake_fd;
    pid_t pid; /* 0: none */
    int fd;    /* its stdout; -1: none */
    int error_fd;
    bool is_open;
    char said[SAID_SIZE];
    char program[PATH_SIZE];
};

struct arguments {
    char texts[ARGUMENTS_MAX][ARGUMENT_SIZE];
    char *items[ARGUMENTS_MAX + 1];
    unsigned n_items;
};

/* ---- the command ---- */

__attribute__((format(printf, 2, 3))) static void add(struct arguments *a, const char *format, ...)
{
    va_list args;
    if (a->n_items == ARGUMENTS_MAX) {
        return;
    }
    va_start(args, format);
    vsnprintf(a->texts[a->n_items], ARGUMENT_SIZE, format, args);
    va_end(args);
    a->items[a->n_items] = a->texts[a->n_items];
    a->n_items++;
}

static void add_text(struct arguments *a, const char *name, const char *value)
{
    if (value) {
        add(a, "--%s=%s", name, value);
    }
}

static int keyframe_frames(const struct source_params *p)
{
    const double rate = (double)p->rate.num / p->rate.den;
    const double frames = (double)p->keyframe_ns / NS_PER_S * rate;
    return frames < 1 ? 1 : (int)frames;
}

static void fill(struct arguments *a, const struct rpicam_options *o, const struct source_params *p)
{
    const int64_t bitrate_bps =
        p->bitrate_bps > 0 ? p->bitrate_bps : option_default_bitrate(p->size);
    add(a, "rpicam-vid");
    add(a, "--camera=%s", p->location[0] != '\0' ? p->location : "0");
    add(a, "--timeout=0");
    add(a, "--nopreview");
    add(a, "--verbose=0");
    add(a, "--codec=h264");
    add(a, "--profile=baseline");
    add(a, "--inline"); /* parameter sets before each keyframe */
    add(a, "--flush");  /* each frame is written at once */
    add(a, "--width=%d", p->size.width);
    add(a, "--height=%d", p->size.height);
    add(a, "--framerate=%.3f", (double)p->rate.num / p->rate.den);
    add(a, "--bitrate=%lld", (long long)bitrate_bps);
    if (p->keyframe_ns > 0) {
        add(a, "--intra=%d", keyframe_frames(p));
    }
    if (o->hflip) {
        add(a, "--hflip");
    }
    if (o->vflip) {
        add(a, "--vflip");
    }
    add_text(a, "roi", o->roi);
    add_text(a, "awb", o->awb);
    add_text(a, "exposure", o->exposure);
    add_text(a, "denoise", o->denoise);
    add_text(a, "metering", o->metering);
    add_text(a, "tuning-file", o->tuning_file);
    add(a, "--output=-");
}

/* In the folders of PATH; false: nowhere. */
static bool find_in_path(const char *name, char *out, size_t size)
{
    const char *path = getenv("PATH");
    for (const char *at = path ? path : "/usr/bin:/bin"; *at != '\0';) {
        const size_t length = strcspn(at, ":");
        const int n = snprintf(out, size, "%.*s/%s", (int)length, at, name);
        if (n > 0 && (size_t)n < size && access(out, X_OK) == 0) {
            return true;
        }
        at += length + (at[length] == ':');
    }
    return false;
}

static bool find_program(char *out, size_t size)
{
    return find_in_path("rpicam-vid", out, size) || find_in_path("libcamera-vid", out, size);
}

/* ---- the process ---- */

/* Between fork and exec: only async-signal-safe calls. */
static void become(const char *program, char *const *arguments, int out, int err)
{
    const int null = open("/dev/null", O_RDONLY);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    dup2(null, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    execv(program, arguments);
    _exit(127);
}

static int start(struct rpicam *s, char *const *arguments)
{
    int out[2];
    int err[2];
    if (pipe2(out, O_CLOEXEC) < 0) {
        return -errno;
    }
    if (pipe2(err, O_CLOEXEC) < 0) {
        const int error = errno;
        close(out[0]);
        close(out[1]);
        return -error;
    }
    const pid_t pid = fork();
    if (pid == 0) {
        become(s->program, arguments, out[1], err[1]);
    }
    const int error = errno;
    close(out[1]);
    close(err[1]);
    s->fd = out[0];
    s->error_fd = err[0];
    fcntl(s->fd, F_SETFL, O_NONBLOCK);
    fcntl(s->error_fd, F_SETFL, O_NONBLOCK);
    s->pid = pid > 0 ? pid : 0;
    return pid < 0 ? -error : 0;
}

static bool has_ended(struct rpicam *s)
{
    if (s->pid > 0 && waitpid(s->pid, NULL, WNOHANG) != 0) {
        s->pid = 0;
    }
    return s->pid == 0;
}

static void end(struct rpicam *s)
{
    const struct timespec pause = {.tv_nsec = END_POLL_MS * NS_PER_MS};
    if (has_ended(s)) {
        return;
    }
    kill(s->pid, SIGTERM);
    for (int ms = 0; ms < END_MS && !has_ended(s); ms += END_POLL_MS) {
        nanosleep(&pause, NULL);
    }
    if (!has_ended(s)) {
        kill(s->pid, SIGKILL);
        waitpid(s->pid, NULL, 0);
        s->pid = 0;
    }
}

/* Keeps the last line of what it says, in s->said. */
static void hear(struct rpicam *s)
{
    char block[1024];
    ssize_t n;
    while ((n = read(s->error_fd, block, sizeof(block) - 1)) > 0) {
        while (n > 0 && (block[n - 1] == '\n' || block[n - 1] == '\r')) {
            n--;
        }
        block[n] = '\0';
        const char *line = strrchr(block, '\n');
        if (n > 0) {
            text_copy(s->said, sizeof(s->said), line ? line + 1 : block);
        }
    }
}

/* ---- as a source ---- */

static int rpicam_open(void *state, const struct source_params *params, struct option_error *error)
{
    struct rpicam *s = state;
    *s = (struct rpicam){
        .options = s->options, .wake_fd = params->wake_fd, .fd = -1, .error_fd = -1};
    if (!find_program(s->program, sizeof(s->program))) {
        snprintf(error->sentence, sizeof(error->sentence),
                 "rpicam: there is no rpicam-vid here, install it with: apt install "
                 "rpicam-apps-lite");
        return -ENOENT;
    }
    struct arguments *arguments = calloc(1, sizeof(*arguments));
    int result = arguments ? byte_stream_init(&s->stream, params) : -ENOMEM;
    if (result == 0) {
        s->is_open = true;
        fill(arguments, &s->options, params);
        result = start(s, arguments->items);
    }
    free(arguments);
    if (result < 0) {
        snprintf(error->sentence, sizeof(error->sentence), "rpicam: cannot start %.160s, %s",
                 s->program, strerror(-result));
    }
    return result;
}

static int rpicam_read(void *state, int64_t deadline_ns, struct source_unit *out,
                       struct option_error *error)
{
    struct rpicam *s = state;
    const int result = byte_stream_read(&s->stream, s->fd, s->wake_fd, deadline_ns, out);
    hear(s);
    if (result == -EPIPE) {
        snprintf(error->sentence, sizeof(error->sentence), "rpicam: %.60s ended%s%.150s",
                 s->program, s->said[0] != '\0' ? ", saying: " : "", s->said);
    } else if (result < 0) {
        snprintf(error->sentence, sizeof(error->sentence), "rpicam: cannot read from %.100s, %s",
                 s->program, strerror(-result));
    }
    return result;
}

static void rpicam_describe(const void *state, char *out, size_t size)
{
    byte_stream_describe(&((const struct rpicam *)state)->stream, out, size);
}

static const char *rpicam_instead(const void *state)
{
    return byte_stream_instead(&((const struct rpicam *)state)->stream);
}

static void rpicam_close(void *state)
{
    struct rpicam *s = state;
    if (!s->is_open) {
        return;
    }
    end(s);
    if (s->fd >= 0) {
        close(s->fd);
        close(s->error_fd);
    }
    s->fd = s->error_fd = -1;
    s->is_open = false;
    byte_stream_finish(&s->stream);
}

#define TEXT(text_name, field, text_help)                                                          \
    {                                                                                              \
        .name = (text_name), .type = OPTION_TEXT,                                                  \
        .offset = offsetof(struct rpicam_options, field), .help = (text_help)                      \
    }

static const struct option options[] = {
    {"hflip", OPTION_BOOL, offsetof(struct rpicam_options, hflip), .help = "mirror left and right"},
    {"vflip", OPTION_BOOL, offsetof(struct rpicam_options, vflip), .help = "upside down"},
    TEXT("roi", roi, "part of the sensor, x,y,w,h from 0 to 1"),
    TEXT("awb", awb, "white balance, as rpicam-vid --awb"),
    TEXT("exposure", exposure, "exposure mode, as rpicam-vid --exposure"),
    TEXT("denoise", denoise, "as rpicam-vid --denoise, such as cdn_off"),
    TEXT("metering", metering, "as rpicam-vid --metering"),
    TEXT("tuning_file", tuning_file, "camera tuning file, as rpicam-vid --tuning-file"),
    {0},
};

const struct source_type source_rpicam = {
    .scheme = "rpicam",
    .summary = "Raspberry Pi camera by rpicam-vid, rpicam:0",
    .state_size = sizeof(struct rpicam),
    .options = options,
    .open = rpicam_open,
    .read = rpicam_read,
    .describe = rpicam_describe,
    .instead = rpicam_instead,
    .close = rpicam_close,
};
