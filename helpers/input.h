/*
 * Anything that libavformat can open, as video: opened within limits, read packet by packet, at the
 * pace of its time stamps where it is stored and not live.
 *
 * Times are nanoseconds on the input's own line, or TIME_NONE.
 *
 * Errors: AVERROR codes; input_sentence() says them without the URL, so without its secrets.
 */
#ifndef AVOCET_HELPERS_INPUT_H
#define AVOCET_HELPERS_INPUT_H

#include <libavcodec/bsf.h>
#include <libavformat/avformat.h>
#include <poll.h>
#include <stdbool.h>

#include "base/time.h"

#define INPUT_OPEN_NS    (10 * NS_PER_S) /* from the first packet sent to the first received */
#define INPUT_SILENCE_NS (10 * NS_PER_S) /* without a packet */

/* What avocet asks for. */
struct input_request {
    char url[2048];
    bool is_looped;
    bool is_udp;       /* RTSP by UDP, not TCP */
    bool must_decode;  /* whatever it is */
    bool is_tls_loose; /* any certificate will do */
    int width;         /* of decoded pictures; 0: as they are */
    int height;
};

enum { INPUT_SOCKETS_MAX = 8 };

/* Who reads it. */
struct input_reader {
    /* Waits for that time (monotonic); false: avocet is gone. */
    bool (*wait_until)(void *arg, int64_t at_ns);
    /* All that came was read, and libavformat is about to wait for more: of INPUT_H264_BYTES. */
    void (*on_drained)(void *arg);
    void *arg;
};

/* How its packets are passed on. */
enum input_way { INPUT_H264, INPUT_H264_BYTES, INPUT_JPEG, INPUT_DECODED };

struct input {
    struct input_request request;
    struct input_reader reader;
    AVFormatContext *format;
    AVStream *stream;
    AVBSFContext *annexb; /* NULL: it needs none */
    enum input_way way;
    bool is_paced;  /* stored, or in bursts: given out when its times say */
    bool has_times; /* of its own, not invented by libavformat */
    /* waiting */
    int64_t deadline_ns;
    bool is_gone; /* avocet is */
    bool is_late;
    bool is_unresolved; /* its host name */
    bool is_closing;
    struct pollfd sockets[INPUT_SOCKETS_MAX]; /* of INPUT_H264_BYTES */
    nfds_t n_sockets;
    /* pace */
    int64_t base_ns; /* monotonic time of time 0 of the input's line; TIME_NONE: not begun */
    int64_t offset;  /* of the present round, in the stream's time base */
    int64_t last_ns; /* time of the newest packet; TIME_NONE: none yet, or none in this round */
    int64_t step_ns; /* between the two newest */
};

int input_open(struct input *in);
void input_close(struct input *in);
/* The next packet of the video, not earlier than it is due, with Annex B start codes if it is
 * H.264 to be passed on. */
int input_read(struct input *in, AVPacket *packet);
/* Of a time stamp of a packet or its picture. */
int64_t input_time_ns(const struct input *in, int64_t timestamp);
/* 0/0: unknown. */
AVRational input_rate(const struct input *in);
const char *input_sentence(const struct input *in, int error);

#endif
