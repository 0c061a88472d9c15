#include "net/websocket_reader.h"

#include <stdlib.h>
#include <sys/types.h>
#include <wslay/wslay.h>

#include "base/utf8.h"

enum {
    CODE_NONE = 1005,
    CODE_PROTOCOL = 1002,
    CODE_NOT_UTF8 = 1007,
    CODE_TOO_BIG = 1009,
    CODE_NO_MEMORY = 1011,
    MASK_SIZE = 4,
    FIRST_CAPACITY = 256,
};

static ssize_t on_receive(uint8_t *out, size_t capacity, int flags, void *arg)
{
    struct websocket_reader *r = arg;
    const size_t size = r->in.size < capacity ? r->in.size : capacity;
    if (size == 0) {
        return -1; /* wslay: would block */
    }
    memcpy(out, r->in.data, size);
    r->in = bytes_of(r->in.data + size, r->in.size - size);
    r->n_given += size;
    return (ssize_t)size;
}

void websocket_reader_init(struct websocket_reader *r)
{
    *r = (struct websocket_reader){0};
}

static bool begin_frames(struct websocket_reader *r)
{
    static const struct wslay_frame_callbacks callbacks = {.recv_callback = on_receive};
    wslay_frame_context_ptr frames;
    if (wslay_frame_context_init(&frames, &callbacks, r) != 0) {
        return false;
    }
    r->frames = frames;
    return true;
}

static void forget_frames(struct websocket_reader *r)
{
    if (r->frames) {
        wslay_frame_context_free(r->frames);
        r->frames = NULL;
    }
    r->n_given = 0;
    r->n_consumed = 0;
}

static void forget_message(struct websocket_reader *r)
{
    free(r->message);
    r->message = NULL;
    r->message_size = 0;
    r->message_capacity = 0;
    r->is_given = false;
}

void websocket_reader_finish(struct websocket_reader *r)
{
    forget_frames(r);
    forget_message(r);
}

void websocket_reader_feed(struct websocket_reader *r, struct bytes in)
{
    r->in = in;
}

static enum websocket_reader_event fail(struct websocket_reader *r, struct websocket_message *out,
                                        uint16_t code)
{
    r->is_failed = true;
    *out = (struct websocket_message){.code = code};
    return WEBSOCKET_READER_ERROR;
}

/* ---- one frame ---- */

static bool is_control(uint8_t opcode)
{
    return (opcode & 8) != 0;
}

/* What wslay does not check; 0 or the close code. */
static uint16_t check_frame(struct websocket_reader *r, const struct wslay_frame_iocb *f)
{
    const bool is_known = f->opcode <= WSLAY_BINARY_FRAME ||
                          (f->opcode >= WSLAY_CONNECTION_CLOSE && f->opcode <= WSLAY_PONG);
    if (!f->mask || f->rsv != 0 || !is_known) {
        return CODE_PROTOCOL;
    }
    if (is_control(f->opcode)) {
        r->control_size = 0;
        return 0;
    }
    if ((f->opcode == WSLAY_CONTINUATION_FRAME) != (r->opcode != 0)) {
        return CODE_PROTOCOL;
    }
    if (f->payload_length > WEBSOCKET_MESSAGE_SIZE_MAX - r->message_size) {
        return CODE_TOO_BIG;
    }
    r->opcode = f->opcode != WSLAY_CONTINUATION_FRAME ? f->opcode : r->opcode;
    return 0;
}

static uint16_t begin_frame(struct websocket_reader *r, const struct wslay_frame_iocb *f)
{
    const size_t length_size = f->payload_length < 126           ? 0
                               : f->payload_length <= UINT16_MAX ? 2
                                                                 : 8;
    r->n_consumed += 2 + length_size + MASK_SIZE + f->payload_length;
    r->frame_left_bytes = f->payload_length;
    r->in_frame = true;
    return check_frame(r, f);
}

/* No more memory than what has arrived asks for. */
static uint16_t append_to_message(struct websocket_reader *r, const uint8_t *payload, size_t size)
{
    const size_t needed = r->message_size + size;
    size_t capacity = r->message_capacity > 0 ? r->message_capacity : FIRST_CAPACITY;
    while (capacity < needed) {
        capacity *= 2;
    }
    if (capacity > r->message_capacity) {
        uint8_t *grown = realloc(r->message, capacity);
        if (!grown) {
            return CODE_NO_MEMORY;
        }
        r->message = grown;
        r->message_capacity = capacity;
    }
    if (size > 0) {
        memcpy(r->message + r->message_size, payload, size);
    }
    r->message_size = needed;
    return 0;
}

static uint16_t take_payload(struct websocket_reader *r, const struct wslay_frame_iocb *f,
                             size_t size)
{
    r->frame_left_bytes -= size;
    if (!is_control(f->opcode)) {
        return append_to_message(r, f->data, size);
    }
    if (size > 0) {
        memcpy(r->control + r->control_size, f->data, size); /* wslay refuses more than 125 */
        r->control_size = (uint8_t)(r->control_size + size);
    }
    return 0;
}

/* ---- whole messages ---- */

/* RFC 6455 §7.4 */
static bool is_close_code(uint16_t code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

static enum websocket_reader_event end_control(struct websocket_reader *r, uint8_t opcode,
                                               struct websocket_message *out)
{
    *out = (struct websocket_message){.payload = bytes_of(r->control, r->control_size)};
    if (opcode != WSLAY_CONNECTION_CLOSE) {
        return opcode == WSLAY_PING ? WEBSOCKET_READER_PING : WEBSOCKET_READER_PONG;
    }
    if (r->control_size == 0) {
        out->code = CODE_NONE;
        return WEBSOCKET_READER_CLOSE;
    }
    if (r->control_size < 2 || !is_close_code(bytes_get_u16(r->control))) {
        return fail(r, out, CODE_PROTOCOL);
    }
    out->code = bytes_get_u16(r->control);
    out->payload = bytes_of(r->control + 2, r->control_size - 2u);
    return utf8_is_valid(out->payload) ? WEBSOCKET_READER_CLOSE : fail(r, out, CODE_NOT_UTF8);
}

static enum websocket_reader_event end_message(struct websocket_reader *r,
                                               struct websocket_message *out)
{
    const bool is_text = r->opcode == WSLAY_TEXT_FRAME;
    *out = (struct websocket_message){.payload = bytes_of(r->message, r->message_size)};
    r->opcode = 0;
    r->is_given = true;
    if (is_text && !utf8_is_valid(out->payload)) {
        return fail(r, out, CODE_NOT_UTF8);
    }
    return is_text ? WEBSOCKET_READER_TEXT : WEBSOCKET_READER_BINARY;
}

static enum websocket_reader_event end_frame(struct websocket_reader *r,
                                             const struct wslay_frame_iocb *f,
                                             struct websocket_message *out)
{
    r->in_frame = false;
    if (r->n_given == r->n_consumed) {
        forget_frames(r); /* nothing was read ahead */
    }
    if (is_control(f->opcode)) {
        return end_control(r, f->opcode, out);
    }
    return f->fin ? end_message(r, out) : WEBSOCKET_READER_MORE;
}

/* MORE here: go on. */
static enum websocket_reader_event read_part(struct websocket_reader *r,
                                             struct websocket_message *out, bool *is_dry)
{
    struct wslay_frame_iocb f = {0};
    const ssize_t size = wslay_frame_recv(r->frames, &f);
    *is_dry = size == WSLAY_ERR_WANT_READ;
    if (*is_dry) {
        return WEBSOCKET_READER_MORE;
    }
    if (size < 0) {
        return fail(r, out, CODE_PROTOCOL);
    }
    uint16_t code = r->in_frame ? 0 : begin_frame(r, &f);
    code = code ? code : take_payload(r, &f, (size_t)size);
    if (code) {
        return fail(r, out, code);
    }
    return r->frame_left_bytes == 0 ? end_frame(r, &f, out) : WEBSOCKET_READER_MORE;
}

enum websocket_reader_event websocket_reader_next(struct websocket_reader *r,
                                                  struct websocket_message *out)
{
    enum websocket_reader_event event = WEBSOCKET_READER_MORE;
    if (r->is_given) {
        forget_message(r);
    }
    for (bool is_dry = false; event == WEBSOCKET_READER_MORE && !is_dry && !r->is_failed;) {
        if (!r->frames && r->in.size == 0) {
            break;
        }
        if (!r->frames && !begin_frames(r)) {
            return fail(r, out, CODE_NO_MEMORY);
        }
        event = read_part(r, out, &is_dry);
    }
    return event;
}
