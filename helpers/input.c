#include "input.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "helper/helper_protocol.h"
#include "input_open.h"

#define LATE_MAX_NS NS_PER_S          /* later than that, the pace begins anew */
#define JUMP_MAX_NS (10 * NS_PER_S)   /* a time stamp further ahead than that is none */
#define CLOSE_NS    (200 * NS_PER_MS) /* to say goodbye to a server */
#define STEP_NS     (40 * NS_PER_MS)  /* where no two times are known */

enum { FDS_MAX = 64 };

static bool is_drained(struct input *in)
{
    return in->n_sockets > 0 && poll(in->sockets, in->n_sockets, 0) == 0;
}

/* libavformat asks before it waits, and several times a second while it does. */
static int must_stop(void *arg)
{
    struct input *in = arg;
    struct pollfd fd = {.fd = HELPER_SOCKET_FD, .events = POLLRDHUP};
    const bool is_over = time_monotonic_ns() > in->deadline_ns;
    if (in->is_closing) {
        return is_over;
    }
    in->is_gone = poll(&fd, 1, 0) > 0 && fd.revents != 0;
    in->is_late = is_over;
    if (is_drained(in)) {
        in->reader.on_drained(in->reader.arg);
    }
    return in->is_gone || in->is_late;
}

/* libavformat does not tell them: they are those that there are beside avocet's. */
static void find_sockets(struct input *in)
{
    for (int fd = HELPER_SOCKET_FD + 1; fd < FDS_MAX && in->n_sockets < INPUT_SOCKETS_MAX; fd++) {
        int type = 0;
        socklen_t size = sizeof(type);
        if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0) {
            in->sockets[in->n_sockets++] = (struct pollfd){.fd = fd, .events = POLLIN};
        }
    }
}

int input_open(struct input *in)
{
    const AVIOInterruptCB stop = {.callback = must_stop, .opaque = in};
    in->base_ns = TIME_NONE;
    in->last_ns = TIME_NONE;
    in->step_ns = STEP_NS;
    in->deadline_ns = time_monotonic_ns() + INPUT_OPEN_NS;
    in->format = avformat_alloc_context();
    if (!in->format) {
        return AVERROR(ENOMEM);
    }
    in->format->interrupt_callback = stop;
    const int result = input_open_format(in);
    if (result == 0 && in->way == INPUT_H264_BYTES) {
        find_sockets(in);
    }
    return result;
}

void input_close(struct input *in)
{
    in->is_closing = true;
    in->deadline_ns = time_monotonic_ns() + CLOSE_NS;
    av_bsf_free(&in->annexb);
    avformat_close_input(&in->format);
}

int64_t input_time_ns(const struct input *in, int64_t timestamp)
{
    return timestamp == AV_NOPTS_VALUE || !in->has_times
               ? TIME_NONE
               : av_rescale_q(timestamp, in->stream->time_base, (AVRational){1, NS_PER_S});
}

AVRational input_rate(const struct input *in)
{
    const AVRational average = in->stream->avg_frame_rate;
    if (!in->has_times) {
        return (AVRational){0, 0};
    }
    return average.num > 0 && average.den > 0 ? average : in->stream->r_frame_rate;
}

/* ---- pace ---- */

/* From its beginning again, on a time line that goes on. What cannot be wound back is at its end.
 */
static int begin_again(struct input *in)
{
    const int64_t start = in->stream->start_time != AV_NOPTS_VALUE ? in->stream->start_time : 0;
    const int64_t resumed_ns = in->last_ns + in->step_ns;
    if (avformat_seek_file(in->format, in->stream->index, INT64_MIN, start, start, 0) < 0) {
        return AVERROR_EOF;
    }
    in->offset = av_rescale_q(resumed_ns, (AVRational){1, NS_PER_S}, in->stream->time_base) - start;
    in->last_ns = TIME_NONE; /* a round without a packet is the last */
    return AVERROR(EAGAIN);
}

/* Pictures that the decoder holds back keep the times of their round. */
static void shift(const struct input *in, AVPacket *packet)
{
    packet->pts += packet->pts != AV_NOPTS_VALUE ? in->offset : 0;
    packet->dts += packet->dts != AV_NOPTS_VALUE ? in->offset : 0;
}

/* Of a stored picture that has none (raw H.264), in the order of decoding. */
static void invent_time(const struct input *in, AVPacket *packet)
{
    const AVRational rate = input_rate(in);
    const int64_t step_ns =
        rate.num > 0 ? av_rescale(NS_PER_S, rate.den, rate.num) : in->step_ns;
    const int64_t time_ns = in->last_ns == TIME_NONE ? 0 : in->last_ns + step_ns;
    if (in->is_paced && packet->dts == AV_NOPTS_VALUE && packet->pts == AV_NOPTS_VALUE) {
        packet->dts = av_rescale_q(time_ns, (AVRational){1, NS_PER_S}, in->stream->time_base);
    }
}

static int64_t time_of(const struct input *in, const AVPacket *packet)
{
    return input_time_ns(in, packet->dts != AV_NOPTS_VALUE ? packet->dts : packet->pts);
}

/* When it is due, on the monotonic clock. */
static int64_t place(struct input *in, int64_t time_ns)
{
    const int64_t now_ns = time_monotonic_ns();
    const int64_t due_ns = in->base_ns == TIME_NONE ? now_ns : in->base_ns + time_ns;
    if (in->base_ns != TIME_NONE && due_ns >= now_ns - LATE_MAX_NS &&
        due_ns <= now_ns + JUMP_MAX_NS) {
        return due_ns;
    }
    in->base_ns = now_ns - time_ns;
    return now_ns;
}

static void note_time(struct input *in, int64_t time_ns)
{
    if (in->last_ns != TIME_NONE && time_ns > in->last_ns && time_ns < in->last_ns + JUMP_MAX_NS) {
        in->step_ns = time_ns - in->last_ns;
    }
    in->last_ns = time_ns;
}

/* ---- reading ---- */

static int read_any(struct input *in, AVPacket *packet)
{
    in->deadline_ns = time_monotonic_ns() + INPUT_SILENCE_NS;
    const int result = av_read_frame(in->format, packet);
    if (result == 0) {
        shift(in, packet);
    }
    const bool is_again = result == AVERROR_EOF && in->request.is_looped;
    return is_again && in->last_ns != TIME_NONE ? begin_again(in) : result;
}

/* AVERROR(EAGAIN): none now. */
static int read_video(struct input *in, AVPacket *packet)
{
    if (in->annexb) {
        const int result = av_bsf_receive_packet(in->annexb, packet);
        if (result != AVERROR(EAGAIN)) {
            return result;
        }
    }
    int result = read_any(in, packet);
    if (result == 0 && packet->stream_index != in->stream->index) {
        av_packet_unref(packet);
        result = AVERROR(EAGAIN);
    }
    if (result == 0) {
        invent_time(in, packet);
    }
    if (result == 0 && in->annexb) {
        result = av_bsf_send_packet(in->annexb, packet);
        return result == 0 ? AVERROR(EAGAIN) : result;
    }
    return result;
}

int input_read(struct input *in, AVPacket *packet)
{
    int result;
    do {
        result = read_video(in, packet);
    } while (result == AVERROR(EAGAIN) && !in->is_gone);
    const int64_t time_ns = result == 0 ? time_of(in, packet) : TIME_NONE;
    if (time_ns == TIME_NONE) {
        return result;
    }
    note_time(in, time_ns);
    return !in->is_paced || in->reader.wait_until(in->reader.arg, place(in, time_ns))
               ? 0
               : AVERROR_EXIT;
}

/* ---- what is said ---- */

static const char *sentence_of_wait(const struct input *in)
{
    return in->last_ns == TIME_NONE ? "no video came within 10 s" : "it was silent for 10 s";
}

const char *input_sentence(const struct input *in, int error)
{
    static char text[HELPER_SENTENCE_MAX];
    static const struct {
        int error;
        const char *sentence;
    } sentences[] = {
        {AVERROR_EOF, "it is at its end"},
        {AVERROR_HTTP_UNAUTHORIZED, "its user name or password is wrong or missing (401)"},
        {AVERROR_HTTP_FORBIDDEN, "it may not be read (403)"},
        {AVERROR_HTTP_NOT_FOUND, "there is nothing of that name (404)"},
        {AVERROR_HTTP_BAD_REQUEST, "the server does not take the request (400)"},
        {AVERROR_HTTP_OTHER_4XX, "the server refuses (4xx)"},
        {AVERROR_HTTP_SERVER_ERROR, "the server has failed (5xx)"},
        {AVERROR(ECONNREFUSED), "the connection is refused: is a server running there"},
        {AVERROR_INVALIDDATA, "there is no video in it that FFmpeg knows"},
        {AVERROR_STREAM_NOT_FOUND, "there is no video in it"},
        {AVERROR_DECODER_NOT_FOUND, "FFmpeg has no decoder for its video here"},
        {AVERROR_PROTOCOL_NOT_FOUND, "FFmpeg does not speak that here"},
        {AVERROR(EIO), "the connection broke, or the server refused"},
        {AVERROR(ENOENT), "it is not there"},
        {AVERROR(EINVAL), "this address, or what it leads to, is nothing that is played here"},
    };
    if (in->is_late) {
        return sentence_of_wait(in);
    }
    if (in->is_unresolved) {
        return "its host name is not known";
    }
    if (error == AVERROR(EIO) && in->last_ns == TIME_NONE &&
        strncmp(in->request.url, "srt:", 4) == 0) {
        return "there is no connection: are the address and the passphrase right";
    }
    for (size_t i = 0; i < sizeof(sentences) / sizeof(sentences[0]); i++) {
        if (sentences[i].error == error) {
            return sentences[i].sentence;
        }
    }
    av_strerror(error, text, sizeof(text));
    return text;
}
