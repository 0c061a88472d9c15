#include "codec/ffmpeg.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "helper/helper_memory.h"
#include "helper/helper_program.h"
#include "media/packet.h"

#define ANSWER_TIMEOUT_NS (2 * NS_PER_S)

#define PROGRAM "avocet-ffmpeg"

struct ffmpeg {
    pid_t pid;
    int socket;
    struct helper_memory *memory; /* of the current generation */
    const struct log *log;
    /* what the helper has to do; NULL: nothing */
    struct packet *packet;
    int64_t begun_ns;
    struct helper_message request;
    size_t n_sent; /* bytes of request and packet */
    struct helper_message answer;
    size_t n_received;
    int answer_fd; /* -1: none came with it */
};

static const char *ffmpeg_problem(void)
{
    char path[HELPER_PATH_SIZE];
    return helper_program_path(PROGRAM, path, sizeof(path)) ? NULL
                                                            : "the helper program avocet-ffmpeg is "
                                                              "not installed, so H.264 cannot be "
                                                              "decoded here";
}

/* ---- process ---- */

static int start_helper(struct ffmpeg *f, struct option_error *error)
{
    const int result = helper_program_start(PROGRAM, &f->pid, &f->socket);
    if (result == -ENOENT) {
        snprintf(error->sentence, sizeof(error->sentence), "%s", ffmpeg_problem());
        return -ENOTSUP;
    }
    if (result < 0) {
        snprintf(error->sentence, sizeof(error->sentence), "the helper program cannot start: %s",
                 strerror(-result));
        return -EAGAIN;
    }
    return 0;
}

static int ffmpeg_open(void *state, const struct log *log, struct option_error *error)
{
    struct ffmpeg *f = state;
    f->socket = -1;
    f->answer_fd = -1;
    f->log = log;
    return start_helper(f, error);
}

static void end_request(struct ffmpeg *f)
{
    packet_unref(&f->packet);
    if (f->answer_fd >= 0) {
        close(f->answer_fd);
        f->answer_fd = -1;
    }
}

static void ffmpeg_close(void *state)
{
    struct ffmpeg *f = state;
    end_request(f);
    helper_memory_leave(&f->memory);
    if (f->pid > 0) {
        close(f->socket);
        helper_program_end(f->pid, 0); /* it holds nothing that needs an orderly end */
    }
    f->pid = 0;
    f->socket = -1;
}

/* ---- dialogue ---- */

static int fail(struct option_error *error, int result, const char *sentence)
{
    snprintf(error->sentence, sizeof(error->sentence), "%s", sentence);
    return result;
}

/* 0 also when a signal came. */
static int wait_for(int socket, short events, int64_t until_ns)
{
    const int64_t left_ns = until_ns - time_monotonic_ns();
    struct pollfd p = {.fd = socket, .events = events};
    const int n = left_ns > 0 ? poll(&p, 1, (int)(left_ns / NS_PER_MS) + 1) : 0;
    return n < 0 && errno != EINTR ? -errno : 0;
}

/* What is left of request and packet; -EAGAIN: not all of it now. */
static int push(struct ffmpeg *f)
{
    const size_t head_size = sizeof(f->request);
    while (f->n_sent < head_size + f->packet->size) {
        const bool is_head = f->n_sent < head_size;
        const uint8_t *at = is_head ? (const uint8_t *)&f->request + f->n_sent
                                    : f->packet->data + (f->n_sent - head_size);
        const size_t size =
            is_head ? head_size - f->n_sent : f->packet->size + head_size - f->n_sent;
        const ssize_t n = send(f->socket, at, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno != EINTR) {
            return -errno;
        }
        f->n_sent += n > 0 ? (size_t)n : 0;
    }
    helper_memory_set_sending(f->memory, false);
    return 0;
}

/* At most size bytes, with the descriptor that may come with them: > 0, or -errno. */
static ssize_t receive(struct ffmpeg *f, void *out, size_t size)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec part = {out, size};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes)};
    const ssize_t n = recvmsg(f->socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (n <= 0) {
        return n == 0 ? -EPIPE : errno == EINTR ? -EAGAIN : -errno;
    }
    const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header && header->cmsg_type == SCM_RIGHTS) {
        if (f->answer_fd >= 0) {
            close(f->answer_fd);
        }
        memcpy(&f->answer_fd, CMSG_DATA(header), sizeof(int));
    }
    return n;
}

/* The answer's head; -EAGAIN: not all of it yet. */
static int pull(struct ffmpeg *f)
{
    while (f->n_received < sizeof(f->answer)) {
        const ssize_t n =
            receive(f, (uint8_t *)&f->answer + f->n_received, sizeof(f->answer) - f->n_received);
        if (n < 0) {
            return (int)n;
        }
        f->n_received += (size_t)n;
    }
    return 0;
}

static int take_picture(struct ffmpeg *f, struct picture **out, struct option_error *error)
{
    if (f->answer_fd >= 0) {
        helper_memory_leave(&f->memory);
        f->memory = helper_memory_create(f->answer_fd, &f->answer, f->socket);
    }
    const int result = helper_memory_lend(f->memory, &f->answer, out);
    if (result < 0) {
        fail(error, result,
             result == -EBADMSG ? "the helper program answered nonsense" : "out of memory");
        return result;
    }
    (*out)->capture_ns = f->packet->capture_ns;
    (*out)->arrival_ns = f->packet->arrival_ns;
    (*out)->pts_ns = f->packet->pts_ns;
    (*out)->flags = f->packet->flags & PACKET_DISCONTINUITY;
    return 0;
}

/* The sentence follows its head at once: what is not there is not waited for. */
static int read_error(struct ffmpeg *f, struct option_error *error)
{
    char sentence[HELPER_SENTENCE_MAX + 1] = "";
    const uint32_t size = f->answer.payload_size;
    const ssize_t n = receive(f, sentence, size < HELPER_SENTENCE_MAX ? size : HELPER_SENTENCE_MAX);
    return n < 0 ? -EPIPE : fail(error, -ENOTSUP, sentence);
}

static int take_answer(struct ffmpeg *f, struct picture **out, struct option_error *error)
{
    if (f->answer.version == HELPER_VERSION && f->answer.type == HELPER_PICTURE) {
        return take_picture(f, out, error);
    }
    if (f->answer.type == HELPER_NOTHING) {
        return -EAGAIN;
    }
    return f->answer.type == HELPER_ERROR ? read_error(f, error) : -EBADMSG;
}

static int ffmpeg_begin(void *state, struct packet *packet, struct option_error *error)
{
    struct ffmpeg *f = state;
    f->packet = packet_ref(packet);
    f->begun_ns = time_monotonic_ns();
    f->request = (struct helper_message){
        .version = HELPER_VERSION,
        .type = HELPER_DECODE,
        .payload_size = (uint32_t)packet->size,
    };
    f->n_sent = f->n_received = 0;
    helper_memory_set_sending(f->memory, true);
    return 0;
}

/* As far as it goes until then: 0 when the answer's head is there, else -EINPROGRESS or an error.
 */
static int proceed(struct ffmpeg *f, int64_t deadline_ns)
{
    const int64_t end_ns = f->begun_ns + ANSWER_TIMEOUT_NS;
    for (;;) {
        const int sent = push(f);
        const int result = sent < 0 ? sent : pull(f);
        const int64_t now_ns = time_monotonic_ns();
        if (result != -EAGAIN) {
            return result;
        }
        if (now_ns >= end_ns || now_ns >= deadline_ns) {
            return now_ns >= end_ns ? -ETIMEDOUT : -EINPROGRESS;
        }
        const int waited = wait_for(f->socket, sent < 0 ? POLLOUT : POLLIN,
                                    deadline_ns < end_ns ? deadline_ns : end_ns);
        if (waited < 0) {
            return waited;
        }
    }
}

static int ffmpeg_collect(void *state, int64_t deadline_ns, struct picture **out,
                          struct option_error *error)
{
    struct ffmpeg *f = state;
    int result = proceed(f, deadline_ns);
    if (result == -EINPROGRESS) {
        return result;
    }
    error->sentence[0] = '\0';
    result = result < 0 ? result : take_answer(f, out, error);
    end_request(f);
    if (result < 0 && result != -EAGAIN && error->sentence[0] == '\0') {
        fail(error, result,
             result == -ETIMEDOUT ? "the helper program avocet-ffmpeg does not answer"
                                  : "the helper program avocet-ffmpeg ended unexpectedly");
    }
    return result;
}

static int ffmpeg_decode(void *state, const struct packet *packet, const struct track *track,
                         struct picture **out, struct option_error *error)
{
    const int result = ffmpeg_begin(state, (struct packet *)(uintptr_t)packet, error);
    return result < 0 ? result : ffmpeg_collect(state, INT64_MAX, out, error);
}

const struct decoder_type decoder_ffmpeg = {
    .name = "ffmpeg",
    .summary = "H.264 decoder in the helper program avocet-ffmpeg, only while it is needed",
    .takes = CODEC_H264,
    .state_size = sizeof(struct ffmpeg),
    .open = ffmpeg_open,
    .decode = ffmpeg_decode,
    .begin = ffmpeg_begin,
    .collect = ffmpeg_collect,
    .close = ffmpeg_close,
    .problem = ffmpeg_problem,
};
