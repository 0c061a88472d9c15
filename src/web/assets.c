#include "web/assets.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "web/gunzip.h"

static int compare_path(const void *path, const void *asset)
{
    return strcmp(path, ((const struct web_asset *)asset)->path);
}

/* An old version's address must not be answered with today's file, which would be kept for ever. */
static const char *skip_version(const char *path)
{
    const size_t length = strlen(web_assets_version);
    return !strncmp(path, web_assets_version, length) && path[length] == '/' ? path + length + 1
                                                                             : NULL;
}

const struct web_asset *web_asset_find(const char *path, const char **cache_control)
{
    const char *name = skip_version(path);
    const struct web_asset *asset =
        bsearch(name ? name : path, web_assets, n_web_assets, sizeof(*web_assets), compare_path);
    if (asset) {
        *cache_control = name ? WEB_CACHE_FOREVER : WEB_CACHE_REVALIDATE;
    }
    return asset;
}

struct buf *web_asset_unpack(const struct web_asset *asset)
{
    struct buf *plain = buf_create(asset->size);
    if (!plain) {
        return NULL;
    }
    const int error = gunzip(bytes_of(asset->gzip, asset->gzip_size), plain->data, asset->size);
    assert(!error); /* our own bytes, each unpacked by a test */
    plain->size = error ? 0 : asset->size;
    return plain;
}
