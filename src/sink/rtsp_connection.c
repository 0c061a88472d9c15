#include "sink/rtsp_connection.h"

#include <errno.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <unistd.h>

enum { READ_SIZE = 4096 };

static int64_t now(const struct rtsp_connection *c)
{
    return loop_now_ns(c->connection.watch.loop);
}

void rtsp_connection_destroy(struct rtsp_connection *c)
{
    rtsp_describe_finish(c);
    rtsp_session_finish(&c->session);
    loop_timer_finish(&c->wait);
    connection_close(&c->connection);
    list_remove(&c->link);
    c->server->n_connections--;
    text_finish(&c->input);
    free(c);
}

/* ---- answers ---- */

static void send_text(struct rtsp_connection *c, const struct text *t)
{
    struct buf *b = t->error ? NULL : buf_copy(text_bytes(t));
    if (!b || connection_send(&c->connection, &b, 1) < 0) {
        connection_break(&c->connection);
    }
    buf_unref(&b);
}

/* The request that was answered. */
static void drop_request(struct rtsp_connection *c)
{
    if (c->request_size > 0) {
        c->input.size -= c->request_size;
        memmove(c->input.data, c->input.data + c->request_size, c->input.size);
        c->request_size = 0;
        c->input_ns = now(c);
    }
    if (c->input.size == 0) {
        text_finish(&c->input);
    }
}

/* Go on reading, and from the loop with what came already. */
static void go_on(struct rtsp_connection *c)
{
    c->is_answering = false;
    if (c->is_waiting) {
        c->is_waiting = false;
        loop_timer_stop(&c->wait);
        connection_set_reading(&c->connection, true);
        connection_wake(&c->connection);
    }
}

void rtsp_connection_answer(struct rtsp_connection *c, unsigned status, const struct text *more)
{
    struct text response = {0};
    rtsp_dialogue_done(&c->dialogue, &c->step, status);
    rtsp_dialogue_answer(&c->dialogue, &c->step, &response);
    if (more) {
        text_append_bytes(&response, text_bytes(more));
        response.error = response.error || more->error;
    } else {
        rtsp_response_end_empty(&response);
    }
    send_text(c, &response);
    text_finish(&response);
    go_on(c);
}

void rtsp_connection_refuse(struct rtsp_connection *c, unsigned status, const char *why)
{
    struct text more = {0};
    rtsp_response_end(&more, "text/plain; charset=utf-8", bytes_of_text(why));
    rtsp_connection_answer(c, status, &more);
    text_finish(&more);
}

/* After the last words: the peer reads them, then sees the end; who does not leave is let go at the
 * next check. */
static void end(struct rtsp_connection *c)
{
    rtsp_session_finish(&c->session);
    c->is_ending = true;
    text_finish(&c->input);
    connection_end_output(&c->connection);
}

/* What cannot be read: what follows cannot be, either. */
static void give_up(struct rtsp_connection *c, int error)
{
    struct text response = {0};
    rtsp_response_begin(&response,
                        error == -E2BIG             ? 413
                        : error == -EPROTONOSUPPORT ? 505
                                                    : 400,
                        NULL);
    text_append(&response, "Connection: close\r\n");
    rtsp_response_end_empty(&response);
    send_text(c, &response);
    text_finish(&response);
    end(c);
}

static void answer_http(struct rtsp_connection *c)
{
    struct text response = {0};
    text_append(&response,
                "HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\n\r\n"
                "This port speaks RTSP: open rtsp://HOST:PORT/NAME in a player; pages are at the "
                "port of HTTP.\n");
    send_text(c, &response);
    text_finish(&response);
    end(c);
}

/* ---- requests ---- */

static void do_setup(struct rtsp_connection *c)
{
    struct text line = {0};
    const unsigned status = rtsp_session_setup(c, &c->step, &line);
    struct text more = {0};
    if (status == 200) {
        text_append(&more, "Transport: ");
        text_append_bytes(&more, text_bytes(&line));
        text_append(&more, "\r\n");
    }
    rtsp_response_end_empty(&more);
    more.error = more.error || line.error;
    rtsp_connection_answer(c, status, &more);
    text_finish(&line);
    text_finish(&more);
}

static void do_play(struct rtsp_connection *c)
{
    const char *why;
    const unsigned status = rtsp_session_play(c, &why);
    if (status != 200) {
        rtsp_connection_refuse(c, status, why);
    } else if (rtsp_session_awaits_frame(&c->session)) {
        loop_timer_start(&c->wait, c->server->limits.play_wait_ns);
    } else {
        rtsp_connection_answer(c, 200, NULL);
    }
}

static void act(struct rtsp_connection *c)
{
    switch (c->step.action) {
    case RTSP_DO_DESCRIBE:
        rtsp_describe_start(c);
        break;
    case RTSP_DO_SETUP:
        do_setup(c);
        break;
    case RTSP_DO_PLAY:
        do_play(c);
        break;
    case RTSP_DO_PAUSE:
        rtsp_session_pause(&c->session);
        rtsp_connection_answer(c, 200, NULL);
        break;
    case RTSP_DO_TEARDOWN:
        rtsp_session_finish(&c->session);
        rtsp_connection_answer(c, 200, NULL);
        break;
    default:
        rtsp_connection_answer(c, c->step.status, NULL);
        break;
    }
}

/* Of DESCRIBE and PLAY. */
static void on_wait(struct loop_timer *t)
{
    struct rtsp_connection *c = list_entry(t, struct rtsp_connection, wait);
    if (c->step.action == RTSP_DO_DESCRIBE) {
        rtsp_describe_look(c);
    } else if (c->is_answering) {
        rtsp_connection_answer(c, 200, NULL);
    }
}

static void take_request(struct rtsp_connection *c, const struct rtsp_message *m)
{
    c->is_answering = true;
    rtsp_dialogue_take(&c->dialogue, m, &c->step);
    act(c);
    if (c->is_answering) {
        c->is_waiting = true;
        connection_set_reading(&c->connection, false);
    }
}

/* Of a player's frames nothing is needed but that they came: RTCP over TCP tells what TCP knows. */
static void take_message(struct rtsp_connection *c, const struct rtsp_message *m)
{
    c->heard_ns = now(c);
    if (m->kind == RTSP_REQUEST) {
        take_request(c, m);
    } else if (m->kind == RTSP_HTTP) {
        answer_http(c);
    }
}

/* ---- bytes in ---- */

/* A request that waits for its answer stays in the input until then. */
static void take_input(struct rtsp_connection *c)
{
    while (!c->is_answering && !c->is_ending && c->input.size > 0) {
        struct rtsp_message m;
        drop_request(c);
        const int n = rtsp_parse(text_bytes(&c->input), &m);
        if (n < 0) {
            give_up(c, n);
        }
        if (n <= 0) {
            return;
        }
        c->request_size = (size_t)n;
        take_message(c, &m);
    }
}

static void on_input(struct connection *connection)
{
    struct rtsp_connection *c = list_entry(connection, struct rtsp_connection, connection);
    uint8_t bytes[READ_SIZE];
    const ssize_t n = connection_read(connection, bytes, sizeof(bytes));
    if (n == -EAGAIN) {
        return;
    }
    if (n <= 0) {
        rtsp_connection_destroy(c);
        return;
    }
    if (c->is_ending) {
        return;
    }
    if (c->input.size == 0) {
        c->input_ns = now(c);
    }
    text_append_bytes(&c->input, bytes_of(bytes, (size_t)n));
    if (c->input.error) {
        rtsp_connection_destroy(c);
        return;
    }
    take_input(c);
}

static void on_drained(struct connection *connection)
{
    struct rtsp_connection *c = list_entry(connection, struct rtsp_connection, connection);
    take_input(c);
    rtsp_session_run(&c->session);
}

static void on_broken(struct connection *connection)
{
    rtsp_connection_destroy(list_entry(connection, struct rtsp_connection, connection));
}

static const struct connection_ops connection_ops = {
    .on_input = on_input,
    .on_drained = on_drained,
    .on_broken = on_broken,
};

/* ---- life ---- */

void rtsp_connection_open(struct rtsp_server *server, int fd, const struct address *peer)
{
    uint64_t id;
    struct loop *loop = server->sink.env->loop;
    struct rtsp_connection *c = calloc(1, sizeof(*c));
    if (!c || RAND_bytes((unsigned char *)&id, sizeof(id)) != 1) {
        free(c);
        close(fd);
        return;
    }
    c->server = server;
    server->n_connections++;
    list_append(&server->connections, &c->link);
    connection_init(&c->connection, loop, fd, peer, &connection_ops);
    connection_tune_for_stream(&c->connection);
    rtsp_dialogue_init(&c->dialogue, &server->asks, id);
    loop_timer_init(&c->wait, loop, on_wait);
    c->heard_ns = now(c);
    if (connection_set_reading(&c->connection, true) < 0) {
        rtsp_connection_destroy(c);
    }
}
