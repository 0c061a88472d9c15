#include "sink/sink.h"

static bool refuse_mode(struct http_exchange *x)
{
    const char *word = http_query(x, "mode");
    enum stream_mode mode;
    if (!word || stream_mode_parse(word, &mode) == 0) {
        return false;
    }
    http_respond_error(x, 400, "mode takes drive, watch or smooth");
    return true;
}

struct stream *sink_find_stream(struct sink *sink, struct http_exchange *x, const char *name)
{
    const struct directory *d = sink->env->streams;
    struct stream *first = d->n_streams > 0 ? d->streams[0] : NULL;
    struct stream *s = name ? directory_find(d, name) : first;
    if (!s) {
        http_respond_error(x, 404, "no stream '%s' here: / shows those there are",
                           name ? name : "");
        return NULL;
    }
    return refuse_mode(x) ? NULL : s;
}

enum stream_mode sink_mode(const struct stream *s, const struct http_exchange *x)
{
    const char *word = http_query(x, "mode");
    enum stream_mode mode = stream_default_mode(s);
    if (word) {
        (void)stream_mode_parse(word, &mode); /* sink_find_stream() let it pass */
    }
    return mode;
}
