#include "sink/output.h"

const char *const output_mode_words[] = {"drive", "watch", "smooth", NULL};

enum stream_mode output_mode(const struct stream *s, const char *word)
{
    enum stream_mode mode = stream_default_mode(s);
    if (word) {
        (void)stream_mode_parse(word, &mode); /* the option table let it pass */
    }
    return mode;
}
