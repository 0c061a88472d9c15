/* Frames of a WebSocket client, in cuts that the first byte chooses. */
#include <stdlib.h>

#include "base/utf8.h"
#include "net/websocket_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(enum websocket_reader_event event, const struct websocket_message *m)
{
    if (m->payload.size > WEBSOCKET_MESSAGE_SIZE_MAX ||
        (event == WEBSOCKET_READER_TEXT && !utf8_is_valid(m->payload)) ||
        (event == WEBSOCKET_READER_ERROR && (m->code < 1002 || m->code > 1011))) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct websocket_reader r;
    const size_t cut = size > 0 && data[0] > 0 ? data[0] : size;
    websocket_reader_init(&r);
    for (size_t pos = 1; pos < size; pos += cut) {
        const size_t part = size - pos < cut ? size - pos : cut;
        uint8_t *copy = malloc(part);
        struct websocket_message m;
        memcpy(copy, data + pos, part);
        websocket_reader_feed(&r, bytes_of(copy, part));
        for (enum websocket_reader_event e;
             (e = websocket_reader_next(&r, &m)) != WEBSOCKET_READER_MORE;) {
            check(e, &m);
        }
        free(copy);
    }
    websocket_reader_finish(&r);
    return 0;
}
