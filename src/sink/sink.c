#include "sink/sink.h"

#include <stdio.h>

/* From this age on a keyframe explains that what depends on it is still being decoded. */
#define OLD_KEY_NS (3 * NS_PER_S)

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

void sink_explain_silence(const struct stream *s, enum encoding_id encoding, int64_t now_ns,
                          char *sentence, size_t size)
{
    const struct packet *key = stream_newest_key(s, ENCODING_H264);
    const int64_t age_ns = key ? now_ns - key->arrival_ns : 0;
    const char *error = stream_error(s);
    error = error ? error : stream_join_error(s, encoding);
    if (error) {
        snprintf(sentence, size, "%s", error);
    } else if (encoding != ENCODING_H264 && age_ns > OLD_KEY_NS) {
        snprintf(sentence, size,
                 "no picture yet: the source's last keyframe came %lld s ago, and all since is "
                 "still being decoded: try again",
                 (long long)(age_ns / NS_PER_S));
    } else {
        snprintf(sentence, size, "no picture came from the source yet: try again");
    }
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
