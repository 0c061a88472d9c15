#include "web/page.h"

#include <string.h>

#include "web/assets.h"

/* Nothing from elsewhere, no inline script; anybody may show the player in a frame. */
static const char content_security_policy[] =
    "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
    "connect-src 'self' ws: wss:; style-src 'self'; frame-ancestors *";

static bool accepts_gzip(const struct http_exchange *x)
{
    const char *accepted = http_header(x, "accept-encoding");
    return accepted && strstr(accepted, "gzip") && !strstr(accepted, "gzip;q=0");
}

/* Weak comparison (RFC 9110 §8.8.3.2); our ETags hold no commas or spaces. */
static bool has_match(const struct http_exchange *x, const char *etag)
{
    const char *wanted = http_header(x, "if-none-match");
    const char *opaque = strchr(etag, '"');
    return wanted && (strcmp(wanted, "*") == 0 || (opaque && strstr(wanted, opaque)));
}

static void respond_unpacked(struct http_exchange *x, int status, const struct web_asset *asset)
{
    struct buf *plain = web_asset_unpack(asset);
    if (!plain) {
        http_respond_error(x, 500, "out of memory");
        return;
    }
    http_respond(x, status, asset->mime, buf_bytes(plain));
    buf_unref(&plain);
}

static void respond_packed(struct http_exchange *x, int status, const struct web_asset *asset)
{
    http_add_header(x, "Vary", "Accept-Encoding");
    http_add_header(x, "Content-Security-Policy", content_security_policy);
    if (accepts_gzip(x)) {
        http_add_header(x, "Content-Encoding", "gzip");
        http_respond(x, status, asset->mime, bytes_of(asset->gzip, asset->gzip_size));
    } else {
        respond_unpacked(x, status, asset);
    }
}

static void respond_asset(struct http_exchange *x, const char *path)
{
    const char *cache_control = NULL;
    const struct web_asset *asset = web_asset_find(path, &cache_control);
    if (!asset) {
        http_respond_error(x, 404, "no such file of the page");
        return;
    }
    http_add_header(x, "Cache-Control", cache_control);
    http_add_header(x, "ETag", asset->etag);
    if (has_match(x, asset->etag)) {
        http_add_header(x, "Vary", "Accept-Encoding");
        http_respond(x, 304, NULL, (struct bytes){0});
        return;
    }
    respond_packed(x, 200, asset);
}

/* People get the player's page, which says so, links to all streams, and waits in case the stream
 * appears; programs get a sentence. */
static void respond_missing(struct http_exchange *x)
{
    const char *accepted = http_header(x, "accept"), *cache_control;
    const struct web_asset *page = web_asset_find("player.html", &cache_control);
    http_add_header(x, "Cache-Control", "no-store");
    if (page && accepted && strstr(accepted, "text/html")) {
        respond_packed(x, 404, page);
        return;
    }
    http_respond_error(x, 404, "no stream '%s' here: / shows those there are", http_name(x));
}

static void get_grid(struct http_exchange *x, void *arg)
{
    const struct page *page = arg;
    if (http_query(x, "action") && page->on_action) {
        page->on_action(x, page->arg);
        return;
    }
    respond_asset(x, "index.html");
}

static void get_player(struct http_exchange *x, void *arg)
{
    const struct page *page = arg;
    if (!page->has_stream(http_name(x), page->arg)) {
        respond_missing(x);
        return;
    }
    respond_asset(x, "player.html");
}

static void get_asset(struct http_exchange *x, void *arg)
{
    const char prefix[] = "/assets/";
    const char *path = http_path(x);
    respond_asset(x,
                  strncmp(path, prefix, sizeof(prefix) - 1) == 0 ? path + sizeof(prefix) - 1 : "");
}

static void get_favicon(struct http_exchange *x, void *arg)
{
    respond_asset(x, "favicon.svg");
}

const struct http_route page_routes[] = {
    {HTTP_METHOD_GET, "/", get_grid, 0},
    {HTTP_METHOD_GET, "/NAME/", get_player, 0},
    {HTTP_METHOD_GET, "/assets/*", get_asset, 0},
    {HTTP_METHOD_GET, "/favicon.ico", get_favicon, 0},
    {0},
};
