#include "sink/sink.h"

struct stream *sink_find_stream(struct sink *sink, struct http_exchange *x)
{
    struct stream *s = directory_find(sink->env->streams, http_name(x));
    if (!s) {
        http_respond_error(x, 404, "no stream '%s' here: / shows those there are", http_name(x));
    }
    return s;
}

enum stream_mode sink_mode(const struct stream *s, const struct http_exchange *x)
{
    const char *word = http_query(x, "mode");
    return word ? stream_mode_parse(word, stream_default_mode(s)) : stream_default_mode(s);
}
