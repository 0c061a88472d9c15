/* A player's bytes, as a connection reads them; every request goes through a dialogue. */
#include <assert.h>
#include <errno.h>

#include "proto/rtsp_dialogue.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned n_tracks(const char *name, void *arg)
{
    assert(strlen(name) < RTSP_NAME_SIZE);
    return strcmp(name, "cam") == 0 ? 1 : strcmp(name, "film") == 0 ? 2 : 0;
}

static void answer(struct rtsp_dialogue *d, const struct rtsp_message *m)
{
    struct rtsp_step step;
    struct text response = {0};
    rtsp_dialogue_take(d, m, &step);
    assert(step.action == RTSP_ANSWER || step.status == 200);
    assert(step.track < RTSP_TRACKS_MAX);
    rtsp_dialogue_done(d, &step, step.status);
    rtsp_dialogue_answer(d, &step, &response);
    rtsp_response_end_empty(&response);
    struct rtsp_message back;
    const int n = rtsp_parse(text_bytes(&response), &back);
    assert(n == -E2BIG || ((size_t)n == response.size && back.kind == RTSP_RESPONSE));
    text_finish(&response);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct rtsp_asks asks = {.n_tracks = n_tracks};
    struct rtsp_dialogue d;
    rtsp_dialogue_init(&d, &asks, UINT64_C(0x0123456789abcdef));
    for (size_t at = 0; at < size;) {
        struct rtsp_message m;
        const int n = rtsp_parse(bytes_of(data + at, size - at), &m);
        if (n <= 0) {
            break;
        }
        assert((size_t)n <= size - at);
        if (m.kind == RTSP_REQUEST) {
            answer(&d, &m);
        }
        at += (size_t)n;
    }
    return 0;
}
