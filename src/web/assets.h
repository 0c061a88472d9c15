/*
 * The page: the files of this folder, embedded at build time by tools/embed-web.py.
 *
 * How to serve them. "index.html" is the grid (/), "player.html" every player (/NAME/): both with
 * WEB_CACHE_REVALIDATE and the ETag. All others are found below /assets/, under two addresses:
 * /assets/VERSION/player.css, which the HTML refers to and whose contents never change
 * (WEB_CACHE_FOREVER), and /assets/player.css, for people and tests (WEB_CACHE_REVALIDATE). Modules
 * are in the file of the one that their page begins with (tools/join_modules.py). ETags are weak,
 * as both codings of a file share one; compare them by weak comparison, and answer a match with
 * 304. The files are kept packed only, which saves two thirds: send gzip to whom accepts it, with
 * "Content-Encoding: gzip", web_asset_unpack() to others, and "Vary: Accept-Encoding" to everybody.
 *
 * Ownership: the table is static; web_asset_unpack() gives a new reference.
 * Thread:    any; constant.
 * Spec:      RFC 9110 §8.8.3 (ETag), RFC 8246 (immutable).
 */
#ifndef AVOCET_WEB_ASSETS_H
#define AVOCET_WEB_ASSETS_H

#include "base/buf.h"

#define WEB_CACHE_FOREVER    "public, max-age=31536000, immutable"
#define WEB_CACHE_REVALIDATE "no-cache"

struct web_asset {
    const char *path; /* "player.css" */
    const char *mime; /* with charset */
    const char *etag; /* W/"…", quotes included */
    const uint8_t *gzip;
    size_t gzip_size; /* bytes, packed */
    size_t size;      /* bytes, unpacked */
};

extern const struct web_asset web_assets[]; /* by path, ascending */
extern const size_t n_web_assets;
extern const char web_assets_version[];

/*
 * The file that path means, which is what follows "/assets/", or the name of an HTML page; NULL:
 * there is none. *cache_control becomes one of the two values above (untouched if NULL is
 * returned).
 */
const struct web_asset *web_asset_find(const char *path, const char **cache_control);

/* The file as it was; NULL without memory. */
struct buf *web_asset_unpack(const struct web_asset *asset);

#endif
