#include "proto/rtsp.h"

#include <errno.h>
#include <strings.h>

static const char *const method_words[] = {
    [RTSP_OPTIONS] = "OPTIONS",   [RTSP_DESCRIBE] = "DESCRIBE",
    [RTSP_SETUP] = "SETUP",       [RTSP_PLAY] = "PLAY",
    [RTSP_PAUSE] = "PAUSE",       [RTSP_GET_PARAMETER] = "GET_PARAMETER",
    [RTSP_TEARDOWN] = "TEARDOWN", [RTSP_SET_PARAMETER] = "SET_PARAMETER",
};

const char rtsp_methods[] =
    "OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, GET_PARAMETER, SET_PARAMETER, TEARDOWN";

/* ---- words ---- */

static bool is_exactly(struct bytes a, const char *word)
{
    return bytes_equal(a, bytes_of_text(word));
}

bool rtsp_is_word(struct bytes a, const char *word)
{
    return a.size == strlen(word) && strncasecmp((const char *)a.data, word, a.size) == 0;
}

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t';
}

struct bytes rtsp_trim(struct bytes in)
{
    while (in.size > 0 && is_space(in.data[0])) {
        in = bytes_of(in.data + 1, in.size - 1);
    }
    while (in.size > 0 && is_space(in.data[in.size - 1])) {
        in.size--;
    }
    return in;
}

struct bytes rtsp_split(struct bytes *rest, char separator)
{
    const struct bytes all = *rest;
    const uint8_t *at = all.size > 0 ? memchr(all.data, separator, all.size) : NULL;
    if (!at) {
        *rest = (struct bytes){0};
        return all;
    }
    const size_t n = (size_t)(at - all.data);
    *rest = bytes_of(at + 1, all.size - n - 1);
    return bytes_of(all.data, n);
}

int rtsp_number(struct bytes in, uint32_t max, uint32_t *out)
{
    uint64_t value = 0;
    for (size_t i = 0; i < in.size; i++) {
        if (in.data[i] < '0' || in.data[i] > '9') {
            return -EBADMSG;
        }
        value = value * 10 + (in.data[i] - '0');
        if (value > max) {
            return -EBADMSG;
        }
    }
    if (in.size == 0) {
        return -EBADMSG;
    }
    *out = (uint32_t)value;
    return 0;
}

/* ---- reading ---- */

/* The next line without its end; false: it is not whole yet. */
static bool next_line(struct bytes *rest, struct bytes *line)
{
    const uint8_t *end = rest->size > 0 ? memchr(rest->data, '\n', rest->size) : NULL;
    if (!end) {
        return false;
    }
    const size_t n = (size_t)(end - rest->data);
    *line = bytes_of(rest->data, n > 0 && rest->data[n - 1] == '\r' ? n - 1 : n);
    *rest = bytes_of(end + 1, rest->size - n - 1);
    return true;
}

static bool has_control_character(struct bytes in)
{
    for (size_t i = 0; i < in.size; i++) {
        if ((in.data[i] < ' ' && in.data[i] != '\t') || in.data[i] == 0x7f) {
            return true;
        }
    }
    return false;
}

static enum rtsp_method read_method(struct bytes word)
{
    static const char *const others[] = {"ANNOUNCE", "RECORD", "REDIRECT"};
    for (size_t i = 0; i < sizeof(method_words) / sizeof(method_words[0]); i++) {
        if (is_exactly(word, method_words[i])) {
            return (enum rtsp_method)i;
        }
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (is_exactly(word, others[i])) {
            return RTSP_OTHER;
        }
    }
    return RTSP_UNKNOWN;
}

static bool begins_with(struct bytes in, const char *word)
{
    const size_t n = strlen(word);
    return in.size >= n && memcmp(in.data, word, n) == 0;
}

/* RFC 2326 §7.1: RTSP-Version SP Status-Code SP Reason-Phrase */
static int read_status(struct bytes line, struct rtsp_message *out)
{
    struct bytes rest = line;
    uint32_t status;
    (void)rtsp_split(&rest, ' ');
    if (rtsp_number(rtsp_split(&rest, ' '), 999, &status) < 0) {
        return -EBADMSG;
    }
    out->status = status;
    return 0;
}

/* RFC 2326 §6.1: Method SP Request-URI SP RTSP-Version */
static int read_first_line(struct bytes line, struct rtsp_message *out)
{
    if (has_control_character(line)) {
        return -EBADMSG;
    }
    if (begins_with(line, "RTSP/")) {
        out->kind = RTSP_RESPONSE;
        return read_status(line, out);
    }
    struct bytes rest = line;
    const struct bytes word = rtsp_split(&rest, ' ');
    out->url = rtsp_split(&rest, ' ');
    out->method = read_method(word);
    if (begins_with(rest, "HTTP/")) {
        out->kind = RTSP_HTTP;
        return 0;
    }
    if (word.size == 0 || out->url.size == 0 || !begins_with(rest, "RTSP/")) {
        return -EBADMSG;
    }
    return is_exactly(rest, "RTSP/1.0") ? 0 : -EPROTONOSUPPORT;
}

static int read_header(struct bytes line, struct rtsp_message *out)
{
    struct bytes value = line;
    const struct bytes name = rtsp_split(&value, ':');
    if (name.size == 0 || name.size == line.size || is_space(line.data[0]) ||
        has_control_character(line)) {
        return -EBADMSG;
    }
    if (out->n_headers == RTSP_HEADERS_MAX) {
        return -E2BIG;
    }
    out->headers[out->n_headers++] = (struct rtsp_header){rtsp_trim(name), rtsp_trim(value)};
    return 0;
}

/* 0 when the head is not whole yet, else its size. */
static int read_head(struct bytes in, struct rtsp_message *out)
{
    struct bytes rest = in;
    struct bytes line;
    for (bool is_first = true; next_line(&rest, &line); is_first = false) {
        if (line.size == 0) {
            return (int)(in.size - rest.size);
        }
        const int result = is_first ? read_first_line(line, out) : read_header(line, out);
        if (result < 0) {
            return result;
        }
        if (out->kind == RTSP_HTTP) {
            return (int)(in.size - rest.size);
        }
    }
    return in.size >= RTSP_HEAD_SIZE_MAX ? -E2BIG : 0;
}

/* -EBADMSG when it is there twice. */
static int read_length(const struct rtsp_message *m, uint32_t *size)
{
    unsigned n = 0;
    *size = 0;
    for (unsigned i = 0; i < m->n_headers; i++) {
        if (rtsp_is_word(m->headers[i].name, "Content-Length")) {
            if (n++ > 0 || rtsp_number(m->headers[i].value, UINT32_MAX, size) < 0) {
                return -EBADMSG;
            }
        }
    }
    return *size > RTSP_BODY_SIZE_MAX ? -E2BIG : 0;
}

static int read_message(struct bytes in, struct rtsp_message *out)
{
    const size_t look = in.size < RTSP_HEAD_SIZE_MAX ? in.size : RTSP_HEAD_SIZE_MAX;
    const int head_size = read_head(bytes_of(in.data, look), out);
    if (head_size <= 0 || out->kind == RTSP_HTTP) {
        return head_size;
    }
    uint32_t body_size;
    const int result = read_length(out, &body_size);
    if (result < 0) {
        return result;
    }
    if (in.size - (size_t)head_size < body_size) {
        return 0;
    }
    out->body = bytes_of(in.data + head_size, body_size);
    out->has_cseq = rtsp_number(rtsp_header(out, "CSeq"), UINT32_MAX, &out->cseq) == 0;
    return head_size + (int)body_size;
}

/*
 * RFC 2326 §10.12
 *
 *   | '$' | channel | u16 size | bytes ...
 */
static int read_frame(struct bytes in, struct rtsp_message *out)
{
    if (in.size < RTSP_FRAME_HEADER_SIZE) {
        return 0;
    }
    const size_t size = bytes_get_u16(in.data + 2);
    if (size > RTSP_FRAME_SIZE_MAX) {
        return -E2BIG;
    }
    if (in.size - RTSP_FRAME_HEADER_SIZE < size) {
        return 0;
    }
    out->kind = RTSP_FRAME;
    out->channel = in.data[1];
    out->body = bytes_of(in.data + RTSP_FRAME_HEADER_SIZE, size);
    return (int)(RTSP_FRAME_HEADER_SIZE + size);
}

int rtsp_parse(struct bytes in, struct rtsp_message *out)
{
    size_t n_skipped = 0;
    *out = (struct rtsp_message){.method = RTSP_UNKNOWN};
    while (n_skipped < in.size && (in.data[n_skipped] == '\r' || in.data[n_skipped] == '\n')) {
        n_skipped++;
    }
    const struct bytes rest = bytes_of(in.data + n_skipped, in.size - n_skipped);
    if (n_skipped >= RTSP_HEAD_SIZE_MAX) {
        return -E2BIG;
    }
    if (rest.size == 0) {
        return 0;
    }
    const int n = rest.data[0] == '$' ? read_frame(rest, out) : read_message(rest, out);
    return n > 0 ? n + (int)n_skipped : n;
}

struct bytes rtsp_header(const struct rtsp_message *m, const char *name)
{
    for (unsigned i = 0; i < m->n_headers; i++) {
        if (rtsp_is_word(m->headers[i].name, name)) {
            return m->headers[i].value;
        }
    }
    return (struct bytes){0};
}

/* ---- writing ---- */

const char *rtsp_reason(unsigned status)
{
    static const struct {
        unsigned status;
        const char *reason;
    } rows[] = {
        {200, "OK"},
        {400, "Bad Request"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {413, "Request Entity Too Large"},
        {451, "Parameter Not Understood"},
        {453, "Not Enough Bandwidth"},
        {454, "Session Not Found"},
        {455, "Method Not Valid in This State"},
        {459, "Aggregate Operation Not Allowed"},
        {460, "Only Aggregate Operation Allowed"},
        {461, "Unsupported Transport"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
        {505, "RTSP Version Not Supported"},
        {551, "Option Not Supported"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].status == status) {
            return rows[i].reason;
        }
    }
    return "Unknown";
}

void rtsp_response_begin(struct text *out, unsigned status, const struct rtsp_message *request)
{
    text_printf(out, "RTSP/1.0 %u %s\r\n", status, rtsp_reason(status));
    if (request && request->has_cseq) {
        text_printf(out, "CSeq: %u\r\n", request->cseq);
    }
    text_append(out, "Server: Avocet\r\n");
}

void rtsp_response_end(struct text *out, const char *content_type, struct bytes body)
{
    text_printf(out, "Content-Type: %s\r\nContent-Length: %zu\r\n\r\n", content_type, body.size);
    text_append_bytes(out, body);
}

void rtsp_response_end_empty(struct text *out)
{
    text_append(out, "\r\n");
}
