/*
 * The page: the files of this folder, embedded at build time by tools/embed-web.py.
 *
 * How to serve them. "index.html" is the grid (/), "player.html" every player (/NAME/): both with
 * WEB_CACHE_REVALIDATE and the ETag. All others are found below /assets/, under two addresses:
 * /assets/VERSION/player.js, which the HTML refers to and whose contents never change
 * (WEB_CACHE_FOREVER), and /assets/player.js, for people and tests (WEB_CACHE_REVALIDATE). ETags
 * are weak, as both codings of a file share one; compare them by weak comparison, and answer a
 * match with 304. Send gzip to whom accepts it, with "Content-Encoding: gzip", and
 * "Vary: Accept-Encoding" to everybody.
 *
 * Ownership: everything is static.
 * Thread:    any; constant.
 * Spec:      RFC 9110 §8.8.3 (ETag), RFC 8246 (immutable).
 */
#ifndef AVOCET_WEB_ASSETS_H
#define AVOCET_WEB_ASSETS_H

#include <stddef.h>
#include <stdint.h>

#define WEB_CACHE_FOREVER    "public, max-age=31536000, immutable"
#define WEB_CACHE_REVALIDATE "no-cache"

struct web_asset {
    const char *path; /* "player.js" */
    const char *mime; /* with charset */
    const char *etag; /* W/"…", quotes included */
    const uint8_t *data;
    size_t size; /* bytes */
    const uint8_t *gzip;
    size_t gzip_size; /* bytes */
};

extern const struct web_asset web_assets[]; /* by path, ascending */
extern const size_t n_web_assets;
extern const char web_assets_version[];

/*
 * The file that path means, which is what follows "/assets/", or the name of an HTML page; NULL:
 * there is none. *cache_control becomes one of the two values above (untouched if NULL is returned).
 */
const struct web_asset *web_asset_find(const char *path, const char **cache_control);

#endif
