/*
 * Serving the page: / (grid), /NAME/ (player) and the files below /assets/.
 *
 * Thread: loop only.
 */
#ifndef AVOCET_WEB_PAGE_H
#define AVOCET_WEB_PAGE_H

#include "net/http.h"

struct page {
    /* Is there a stream of this name? */
    bool (*has_stream)(const char *name, void *arg);
    /* Answers "/?action=…" (mjpg-streamer's addresses); NULL: such requests get the grid. */
    void (*on_action)(struct http_exchange *x, void *arg);
    void *arg;
};

/* For http_server_add_routes(…, struct page *). */
extern const struct http_route page_routes[];

#endif
