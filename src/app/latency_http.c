/* Plays an endless HTTP stream. Blocking with deadlines: the command does nothing else. */
#include <errno.h>
#include <http_parser.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "app/latency_demux.h"
#include "app/latency_reader.h"
#include "base/text.h"

enum { READ_SIZE = 65536, CONTENT_TYPE_SIZE = 128, REFUSAL_SIZE_MAX = 4096 };

struct http {
    int fd;
    http_parser parser;
    struct latency_demux demux;
    bool has_demux;
    bool is_content_type; /* the header field being read */
    char content_type[CONTENT_TYPE_SIZE];
    int status;
    int result;          /* of the demux, inside the parser's callbacks */
    struct text refusal; /* the body of an answer other than 200 */
    bool is_complete;
};

__attribute__((format(printf, 3, 4))) static int fail(struct option_error *error, int result,
                                                      const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error->sentence, sizeof(error->sentence), format, args);
    va_end(args);
    return result;
}

int latency_refused(int status, struct bytes body, struct option_error *error)
{
    json_t *json = json_loadb((const char *)body.data, body.size, 0, NULL);
    const char *why = json_string_value(json_object_get(json, "error"));
    fail(error, 0, "the server answered %d%s%.200s", status, why ? ": " : "", why ? why : "");
    json_decref(json);
    return -ENOENT;
}

int latency_url_parse(const char *text, struct latency_url *out, struct option_error *error)
{
    struct http_parser_url url;
    http_parser_url_init(&url);
    const bool is_rtsp = strncmp(text, "rtsp://", 7) == 0;
    *out = (struct latency_url){.port = "80", .path = "/", .is_rtsp = is_rtsp};
    if (is_rtsp) {
        strcpy(out->port, "554");
    }
    if (http_parser_parse_url(text, strlen(text), 0, &url) != 0 ||
        (!is_rtsp && strncmp(text, "http://", 7) != 0) ||
        (url.field_set & (1 << UF_USERINFO)) != 0) {
        return fail(error, -EINVAL,
                    "'%.150s' is no URL to play: write http://HOST:PORT/NAME/ or "
                    "rtsp://HOST:PORT/NAME",
                    text);
    }
    const struct {
        unsigned first;
        unsigned size;
    } path = {url.field_data[UF_PATH].off, url.field_data[UF_PATH].len};
    snprintf(out->host, sizeof(out->host), "%.*s", url.field_data[UF_HOST].len,
             text + url.field_data[UF_HOST].off);
    if (url.field_set & (1 << UF_PORT)) {
        snprintf(out->port, sizeof(out->port), "%u", url.port);
    }
    if (path.size > 0) {
        snprintf(out->path, sizeof(out->path), "%s", text + path.first);
        out->path[strcspn(out->path, "#")] = '\0';
    }
    return 0;
}

int latency_wait(int fd, short events, int64_t deadline_ns)
{
    for (;;) {
        const int64_t left_ns = deadline_ns - time_monotonic_ns();
        if (left_ns <= 0) {
            return -ETIMEDOUT;
        }
        struct pollfd p = {.fd = fd, .events = events};
        const int n = poll(&p, 1, (int)(left_ns / NS_PER_MS) + 1);
        if (n > 0) {
            return 0;
        }
        if (n < 0 && errno != EINTR) {
            return -errno;
        }
    }
}

static int connect_one(const struct addrinfo *a, int64_t deadline_ns)
{
    const int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -errno;
    }
    int result = connect(fd, a->ai_addr, a->ai_addrlen) < 0 ? -errno : 0;
    if (result == -EINPROGRESS) {
        result = latency_wait(fd, POLLOUT, deadline_ns);
        int socket_error = 0;
        socklen_t size = sizeof(socket_error);
        if (result == 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &socket_error, &size) == 0) {
            result = -socket_error;
        }
    }
    if (result < 0) {
        close(fd);
        return result;
    }
    const int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    return fd;
}

int latency_connect(const struct latency_url *url, int64_t deadline_ns, struct option_error *error)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    const int failed = getaddrinfo(url->host, url->port, &hints, &list);
    if (failed) {
        return fail(error, -EHOSTUNREACH, "no address for host '%.100s': %s", url->host,
                    gai_strerror(failed));
    }
    int result = -EHOSTUNREACH;
    for (const struct addrinfo *a = list; a && result < 0; a = a->ai_next) {
        result = connect_one(a, deadline_ns);
    }
    freeaddrinfo(list);
    return result >= 0 ? result
                       : fail(error, result, "cannot connect to %.100s port %s: %s", url->host,
                              url->port, strerror(-result));
}

int latency_send(int fd, struct bytes data, int64_t deadline_ns)
{
    while (data.size > 0) {
        const ssize_t n = send(fd, data.data, data.size, MSG_NOSIGNAL);
        if (n > 0) {
            data = bytes_of(data.data + n, data.size - (size_t)n);
            continue;
        }
        const int result = n < 0 && errno != EAGAIN && errno != EINTR
                               ? -errno
                               : latency_wait(fd, POLLOUT, deadline_ns);
        if (result < 0) {
            return result;
        }
    }
    return 0;
}

/* ---- response ---- */

static int on_field(http_parser *p, const char *at, size_t size)
{
    struct http *h = p->data;
    h->is_content_type = size == 12 && strncasecmp(at, "content-type", 12) == 0;
    return 0;
}

static int on_value(http_parser *p, const char *at, size_t size)
{
    struct http *h = p->data;
    if (h->is_content_type) {
        const size_t length = strlen(h->content_type);
        snprintf(h->content_type + length, sizeof(h->content_type) - length, "%.*s", (int)size, at);
    }
    return 0;
}

static int on_headers(http_parser *p)
{
    struct http *h = p->data;
    h->status = p->status_code;
    if (h->status == 200) {
        h->result = latency_demux_init(&h->demux, h->content_type);
        h->has_demux = true;
    }
    return 0;
}

static int on_body(http_parser *p, const char *at, size_t size)
{
    struct http *h = p->data;
    if (h->status != 200 && h->refusal.size + size <= REFUSAL_SIZE_MAX) {
        text_append_bytes(&h->refusal, bytes_of(at, size));
    } else if (h->status == 200 && h->result == 0) {
        h->result = latency_demux_push(&h->demux, bytes_of(at, size), time_monotonic_ns());
    }
    return 0;
}

static int on_complete(http_parser *p)
{
    struct http *h = p->data;
    h->is_complete = true;
    return 0;
}

static const http_parser_settings settings = {
    .on_header_field = on_field,
    .on_header_value = on_value,
    .on_headers_complete = on_headers,
    .on_body = on_body,
    .on_message_complete = on_complete,
};

static int read_more(struct http *h, int64_t deadline_ns, struct option_error *error)
{
    char block[READ_SIZE];
    const ssize_t n = recv(h->fd, block, sizeof(block), 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return latency_wait(h->fd, POLLIN, deadline_ns);
    }
    const bool is_refused = h->status != 0 && h->status != 200;
    if (n <= 0 && is_refused) {
        return latency_refused(h->status, text_bytes(&h->refusal), error);
    }
    if (n <= 0) {
        return fail(error, -EPIPE, "the server ended the stream");
    }
    if (http_parser_execute(&h->parser, &settings, block, (size_t)n) != (size_t)n) {
        return fail(error, -EBADMSG, "the server's answer is no HTTP");
    }
    if (h->is_complete && h->status != 200) {
        return latency_refused(h->status, text_bytes(&h->refusal), error);
    }
    if (h->result == -ENOTSUP) {
        return fail(error, -ENOTSUP,
                    "'%.60s' cannot be played by this command: it takes stream.mjpg, "
                    ".h264, .mp4, .ts or whep",
                    h->content_type);
    }
    return h->result < 0
               ? fail(error, h->result, "the stream cannot be read: %s", strerror(-h->result))
               : 0;
}

static int http_open(void *state, const struct latency_url *url, int64_t deadline_ns,
                     struct option_error *error)
{
    struct http *h = state;
    h->fd = -1;
    http_parser_init(&h->parser, HTTP_RESPONSE);
    h->parser.data = h;
    const int fd = latency_connect(url, deadline_ns, error);
    if (fd < 0) {
        return fd;
    }
    h->fd = fd;
    struct text request = {0};
    const bool is_v6 = strchr(url->host, ':') != NULL;
    text_printf(&request, "GET %s HTTP/1.1\r\nHost: %s%s%s:%s\r\nUser-Agent: avocet\r\n\r\n",
                url->path, is_v6 ? "[" : "", url->host, is_v6 ? "]" : "", url->port);
    const int result = latency_send(fd, text_bytes(&request), deadline_ns);
    text_finish(&request);
    return result < 0 ? fail(error, result, "the request cannot be sent: %s", strerror(-result))
                      : 0;
}

static int http_read(void *state, int64_t deadline_ns, struct packet **out, enum codec *codec,
                     struct option_error *error)
{
    struct http *h = state;
    for (;;) {
        int result = -EAGAIN;
        if (h->has_demux) {
            result = latency_demux_pull(&h->demux, time_monotonic_ns(), out);
            *codec = latency_demux_codec(&h->demux);
        }
        if (result == 0) {
            return 0;
        }
        if (result != -EAGAIN) {
            return fail(error, result, "the stream is damaged: %s", strerror(-result));
        }
        result = read_more(h, deadline_ns, error);
        if (result < 0) {
            return result;
        }
    }
}

static void http_close(void *state)
{
    struct http *h = state;
    if (h->has_demux) {
        latency_demux_finish(&h->demux);
    }
    text_finish(&h->refusal);
    if (h->fd >= 0) {
        close(h->fd);
    }
}

const struct latency_reader_type latency_http = {
    .state_size = sizeof(struct http),
    .open = http_open,
    .read = http_read,
    .close = http_close,
};
