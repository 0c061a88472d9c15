#include "base/secret.h"

#include <stdio.h>
#include <string.h>

/* Of "scheme://"; 0: there is none. */
static int scheme_size(const char *url)
{
    const size_t size = strcspn(url, "@:/?");
    return strncmp(url + size, "://", 3) == 0 ? (int)size + 3 : 0;
}

void secret_mask_url(char *out, size_t size, const char *url)
{
    const char *at = strrchr(url, '@');
    const char *query = strchr(url, '?');
    const int shown = scheme_size(url);
    if (at && query && query < at) {
        snprintf(out, size, "%.*s***", shown, url);
        return;
    }
    const char *place = at ? at + 1 : url + shown;
    const int place_size = (int)(query ? query - place : (ptrdiff_t)strlen(place));
    snprintf(out, size, "%.*s%s%.*s%s", shown, url, at ? "***@" : "", place_size, place,
             query ? "?***" : "");
}
