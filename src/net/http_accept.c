#include <stdlib.h>
#include <unistd.h>

#include "net/http_server.h"

struct buf *http_refusal_create(void)
{
    static const char body[] = "{\"error\":\"too many connections are open\"}\n";
    struct text answer = {0};
    text_printf(&answer,
                "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n"
                "Content-Length: %zu\r\nRetry-After: %d\r\nConnection: close\r\n\r\n%s",
                sizeof(body) - 1, HTTP_RETRY_AFTER_S, body);
    struct buf *b = answer.error ? NULL : buf_copy(text_bytes(&answer));
    text_finish(&answer);
    return b;
}

static void refuse(struct http_connection *hc)
{
    connection_send(&hc->connection, &hc->server->refusal, 1);
    http_connection_linger(hc);
}

/* Without waiting for the peer's end. What it has sent is read first: closed over unread bytes, or
 * when its request comes only later, the connection is reset, and the answer may be lost. */
static void refuse_at_once(struct http_server *s, int fd)
{
    const struct buf *b = s->refusal;
    (void)recv(fd, s->input, sizeof(s->input), MSG_DONTWAIT);
    if (send(fd, b->data, b->size, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) {
        shutdown(fd, SHUT_WR);
    }
    close(fd);
}

static unsigned count_from(const struct http_server *s, const struct address *peer)
{
    const struct http_connection *hc;
    unsigned n = 0;
    list_for_each(hc, &s->connections, link)
    {
        n += hc->is_counted && address_equal_ip(&hc->connection.peer, peer);
    }
    return n;
}

static bool is_over_limit(const struct http_server *s, const struct address *peer)
{
    const unsigned n = s->stats.n_connections;
    return n >= s->connections_max || (n >= s->connections_per_address_max &&
                                       count_from(s, peer) >= s->connections_per_address_max);
}

static void say_limit(struct http_server *s, bool is_over)
{
    if (is_over && !s->was_limit_said) {
        log_warn(&s->log, "%u connections are open, refusing more with 503",
                 s->stats.n_connections);
    }
    s->was_limit_said = is_over;
}

void http_accept(struct http_server *s, int fd, const struct address *peer)
{
    const bool is_over = is_over_limit(s, peer);
    struct http_connection *hc =
        is_over && s->n_refusals >= HTTP_REFUSALS_MAX ? NULL : calloc(1, sizeof(*hc));
    say_limit(s, is_over);
    s->stats.n_accepted++;
    s->stats.n_refused += is_over || !hc;
    if (!hc) {
        refuse_at_once(s, fd);
        return;
    }
    hc->server = s;
    hc->is_counted = !is_over;
    s->stats.n_connections += !is_over;
    s->n_refusals += is_over;
    http_connection_begin(hc, fd, peer);
    if (is_over) {
        refuse(hc);
    } else if (connection_set_reading(&hc->connection, true) < 0) {
        http_connection_close(hc);
    }
}
