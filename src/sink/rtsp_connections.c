#include "sink/rtsp_connections.h"

#include "sink/rtsp_connection.h"

static int64_t now(const struct rtsp_connection *c)
{
    return loop_now_ns(c->connection.watch.loop);
}

void rtsp_connections_end_group(struct rtsp_server *server, const struct rtsp_group *g,
                                const char *why)
{
    struct rtsp_connection *c;
    struct rtsp_connection *next;
    unsigned n_left = g->n_members; /* with the last one g is gone */
    list_for_each_safe(c, next, &server->connections, link)
    {
        if (n_left > 0 && rtsp_session_is_member(&c->session, g)) {
            n_left--;
            log_debug(&server->sink.log, "%s, closing viewer", why);
            rtsp_connection_destroy(c);
        }
    }
}

void rtsp_connections_receive(struct rtsp_server *server, const struct udp_path *from,
                              struct bytes rtcp)
{
    struct rtsp_connection *c;
    list_for_each(c, &server->connections, link)
    {
        if (rtsp_session_receive(&c->session, from, rtcp)) {
            c->heard_ns = now(c);
            return;
        }
    }
}

static const char *why_dead(const struct rtsp_connection *c)
{
    const struct rtsp_limits *limits = &c->server->limits;
    const struct connection *connection = &c->connection;
    const bool is_watched = c->session.is_playing && rtsp_session_is_over_tcp(&c->session);
    if (c->is_ending) {
        return "it does not leave";
    }
    if (!connection_is_ready(connection) && now(c) - connection->progress_ns > limits->stall_ns) {
        return "it takes nothing any more";
    }
    if (!is_watched && now(c) - c->heard_ns > limits->silence_ns) {
        return "it gave no sign of life";
    }
    const bool is_partial = c->input.size > c->request_size && !c->is_answering;
    return is_partial && now(c) - c->input_ns > limits->request_ns ? "its request does not end"
                                                                   : NULL;
}

unsigned rtsp_connections_count(const struct rtsp_server *server, const struct address *peer)
{
    const struct rtsp_connection *c;
    unsigned n = 0;
    list_for_each(c, &server->connections, link)
    {
        n += address_equal_ip(&c->connection.peer, peer);
    }
    return n;
}

void rtsp_connections_check(struct rtsp_server *server)
{
    struct rtsp_connection *c;
    struct rtsp_connection *next;
    list_for_each_safe(c, next, &server->connections, link)
    {
        const char *why = why_dead(c);
        if (why) {
            log_debug(&server->sink.log, "%s, closing viewer", why);
            rtsp_connection_destroy(c);
        }
    }
}
