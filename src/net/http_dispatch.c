#include <errno.h>

#include "net/http_server.h"

struct found {
    const struct http_route *route; /* the most literal of those that match */
    const struct http_route *best;  /* the same that knows the method */
    void *arg;                      /* of best */
    unsigned methods;               /* of all equally literal ones */
};

/* ---- routes ---- */

static void consider(struct found *f, const struct http_route *r, void *arg, unsigned method)
{
    const int order = f->route ? http_route_compare(r->pattern, f->route->pattern) : 1;
    if (order < 0) {
        return;
    }
    if (order > 0) {
        *f = (struct found){.route = r};
    }
    f->methods |= r->methods;
    if ((r->methods & method) && !f->best) {
        f->best = r;
        f->arg = arg;
    }
}

static struct found find_route(const struct http_server *s, const struct http_target *t,
                               unsigned method)
{
    struct found f = {0};
    for (unsigned i = 0; i < s->n_tables; i++) {
        for (const struct http_route *r = s->tables[i].routes; r->pattern; r++) {
            if (http_route_matches(r->pattern, t, NULL)) {
                consider(&f, r, s->tables[i].arg, method);
            }
        }
    }
    return f;
}

/* "GET, HEAD, POST" */
static void write_methods(unsigned methods, struct text *out)
{
    static const struct {
        unsigned method;
        const char *name;
    } names[] = {
        {HTTP_METHOD_GET, "GET, HEAD"},   {HTTP_METHOD_POST, "POST"},
        {HTTP_METHOD_PATCH, "PATCH"},     {HTTP_METHOD_DELETE, "DELETE"},
        {HTTP_METHOD_OPTIONS, "OPTIONS"},
    };
    methods |= HTTP_METHOD_OPTIONS;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (methods & names[i].method) {
            text_printf(out, "%s%s", out->size > 0 ? ", " : "", names[i].name);
        }
    }
}

static void add_methods(struct http_exchange *x, const char *header, unsigned methods)
{
    struct text list = {0};
    write_methods(methods, &list);
    if (!list.error) {
        http_add_header(x, header, list.data);
    }
    text_finish(&list);
}

/* /NAME without its slash is the page of the stream, whose links are relative to /NAME/. */
static bool redirect_to_page(struct http_exchange *x)
{
    const struct http_server *s = x->connection->server;
    struct http_target *t = &x->target;
    struct http_route_match match;
    if (!http_route_matches("/NAME", t, &match) ||
        (s->has_name && !s->has_name(match.name, s->has_name_arg))) {
        return false;
    }
    struct http_target with_slash = *t;
    with_slash.segments[with_slash.n_segments++] = (struct bytes){0};
    const struct found f = find_route(s, &with_slash, HTTP_METHOD_GET);
    if (!f.best || strcmp(f.best->pattern, "/NAME/") != 0) {
        return false;
    }
    struct text location = {0};
    text_printf(&location, "%s/%s%s", t->path, t->query_text ? "?" : "",
                t->query_text ? t->query_text : "");
    if (!location.error) {
        http_add_header(x, "Location", location.data);
    }
    text_finish(&location);
    http_respond(x, 308, NULL, (struct bytes){0});
    return true;
}

/* ---- hosts and origins ---- */

static bool is_state_changing(enum http_parse_method method)
{
    return method != HTTP_PARSE_GET && method != HTTP_PARSE_HEAD_METHOD &&
           method != HTTP_PARSE_OPTIONS;
}

static bool wants_websocket(const struct http_exchange *x)
{
    const char *upgrade = http_header(x, "Upgrade");
    return upgrade && strcasestr(upgrade, "websocket");
}

static bool refuse_host(struct http_exchange *x)
{
    const char *host = http_header(x, "Host");
    const int rc = host ? http_guard_check_host(&x->connection->server->guard, host) : 0;
    if (rc == -EPERM) {
        http_respond_error(x, 421,
                           "this server does not answer for the host \"%.100s\"; if it should, "
                           "add the name to http.hosts in the configuration",
                           host);
    } else if (rc < 0) {
        http_respond_error(x, 400, "the Host header is no name or address");
    }
    return rc < 0;
}

static bool refuse_origin(struct http_exchange *x)
{
    const struct http_server *s = x->connection->server;
    const char *origin = http_header(x, "Origin");
    const char *scheme = http_guard_scheme(s->scheme, http_header(x, "X-Forwarded-Proto"));
    const enum http_guard_origin verdict =
        http_guard_check_origin(&s->guard, scheme, http_header(x, "Host"), origin);
    const bool is_preflight =
        x->parse.method == HTTP_PARSE_OPTIONS && http_header(x, "Access-Control-Request-Method");
    x->allowed_origin = verdict == HTTP_GUARD_LISTED ? origin : NULL;
    if (verdict != HTTP_GUARD_FOREIGN ||
        !(is_state_changing(x->parse.method) || is_preflight || wants_websocket(x))) {
        return false;
    }
    http_respond_error(x, 403,
                       "pages of %.100s may not do this here; if they should, add that origin "
                       "to http.origins in the configuration",
                       origin);
    return true;
}

/* ---- OPTIONS, of the server itself ---- */

static void answer_options(struct http_exchange *x, unsigned methods)
{
    if (x->allowed_origin && http_header(x, "Access-Control-Request-Method")) {
        add_methods(x, "Access-Control-Allow-Methods", methods);
        http_add_header(x, "Access-Control-Allow-Headers", "Content-Type, Authorization, If-Match");
        http_add_header(x, "Access-Control-Max-Age", "600");
        if (http_header(x, "Access-Control-Request-Private-Network")) {
            http_add_header(x, "Access-Control-Allow-Private-Network", "true");
        }
    } else {
        add_methods(x, "Allow", methods);
    }
    http_respond(x, 204, NULL, (struct bytes){0});
}

/* ---- in order ---- */

static unsigned method_of(enum http_parse_method method)
{
    static const unsigned methods[] = {
        [HTTP_PARSE_OTHER] = 0,
        [HTTP_PARSE_GET] = HTTP_METHOD_GET,
        [HTTP_PARSE_HEAD_METHOD] = HTTP_METHOD_GET,
        [HTTP_PARSE_POST] = HTTP_METHOD_POST,
        [HTTP_PARSE_PATCH] = HTTP_METHOD_PATCH,
        [HTTP_PARSE_DELETE] = HTTP_METHOD_DELETE,
        [HTTP_PARSE_OPTIONS] = HTTP_METHOD_OPTIONS,
    };
    return methods[method];
}

static bool refuse_target(struct http_exchange *x)
{
    const int rc = http_target_parse(&x->target, x->parse.target);
    if (rc == -ENAMETOOLONG) {
        http_respond_error(x, 414, "the path is longer than %d bytes", HTTP_PATH_MAX);
    } else if (rc < 0) {
        http_respond_error(x, 400, "the path has a broken escape or a segment that is . or ..");
    }
    return rc < 0;
}

static bool refuse_query(struct http_exchange *x)
{
    char *query = (char *)(uintptr_t)x->target.query_text; /* in the exchange's own head */
    if (!query || http_target_parse_query(&x->target, query) == 0) {
        return false;
    }
    http_respond_error(x, 400, "the query has a broken escape or more than %d parameters",
                       HTTP_PARAMETERS_MAX);
    return true;
}

static bool refuse_route(struct http_exchange *x)
{
    const unsigned method = method_of(x->parse.method);
    const struct found f = find_route(x->connection->server, &x->target, method);
    if (!f.route) {
        if (!redirect_to_page(x)) {
            http_respond_error(x, 404, "there is nothing at this path");
        }
        return true;
    }
    if (!f.best && method == HTTP_METHOD_OPTIONS) {
        answer_options(x, f.methods);
        return true;
    }
    if (!f.best) {
        add_methods(x, "Allow", f.methods);
        http_respond_error(x, 405, "this path does not know the method");
        return true;
    }
    http_route_matches(f.best->pattern, &x->target, &x->match);
    x->route = f.best;
    x->route_arg = f.arg;
    return false;
}

bool http_dispatch_head(struct http_exchange *x)
{
    struct http_server_stats *stats = &x->connection->server->stats;
    http_connection_set_phase(x->connection, HTTP_PHASE_ANSWERING, INT64_MAX);
    x->is_head = x->parse.method == HTTP_PARSE_HEAD_METHOD;
    stats->n_requests++;
    if (refuse_target(x) || refuse_host(x)) {
        stats->n_bad_requests++;
        return true;
    }
    return refuse_origin(x) || refuse_route(x) || refuse_query(x);
}

void http_dispatch(struct http_exchange *x)
{
    x->in_handler = true;
    x->route->handle(x, x->route_arg);
    x->in_handler = false;
    if (x->is_over) {
        http_exchange_destroy(x);
    }
}
