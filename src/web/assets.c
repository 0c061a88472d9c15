#include "web/assets.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

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
