#include "stream/directory.h"

#include <errno.h>

static bool is_name_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

int directory_add(struct directory *d, struct stream *s)
{
    if (directory_find(d, stream_name(s))) {
        return -EEXIST;
    }
    if (d->n_streams == DIRECTORY_STREAMS_MAX) {
        return -ENOSPC;
    }
    d->streams[d->n_streams++] = s;
    return 0;
}

void directory_remove(struct directory *d, struct stream *s)
{
    for (unsigned i = 0; i < d->n_streams; i++) {
        if (d->streams[i] == s) {
            d->n_streams--;
            memmove(&d->streams[i], &d->streams[i + 1],
                    (d->n_streams - i) * sizeof(struct stream *));
            d->streams[d->n_streams] = NULL;
            return;
        }
    }
}

struct stream *directory_find(const struct directory *d, const char *name)
{
    for (unsigned i = 0; i < d->n_streams; i++) {
        if (strcmp(stream_name(d->streams[i]), name) == 0) {
            return d->streams[i];
        }
    }
    return NULL;
}

static bool is_reserved(const char *name)
{
    static const char *const words[] = {
        /* first segments of our own */
        "api",
        "link",
        "metrics",
        "healthz",
        "assets",
        "login",
        "stream",
        "snapshot",
        /* what follows /NAME/ */
        "whep",
        "whip",
        "ws",
        "index",
        "manifest",
        "jsmpeg",
        "ingest",
        "publish",
        "info",
    };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(words[i], name) == 0) {
            return true;
        }
    }
    return false;
}

const char *directory_check_name(const char *name)
{
    enum { NAME_SIZE_MAX = 64 };
    if (!is_name_start(name[0])) {
        return "a stream's name begins with a lower-case letter or a digit";
    }
    const size_t size = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");
    if (name[size] != '\0') {
        return "a stream's name has only lower-case letters, digits, _ and -";
    }
    if (size > NAME_SIZE_MAX) {
        return "a stream's name has at most 64 characters";
    }
    return is_reserved(name) ? "this name is reserved for a path of the server, choose another"
                             : NULL;
}
