#include "sink/whep_ended.h"

#include "base/text.h"

void whep_ended_note(struct whep_ended *e, const char *id, int64_t now_ns)
{
    text_copy(e->rows[e->next].id, WHEP_ID_SIZE, id);
    e->rows[e->next].ended_ns = now_ns;
    e->next = (e->next + 1) % WHEP_ENDED_MAX;
}

bool whep_ended_take(struct whep_ended *e, const char *id, int64_t now_ns)
{
    for (unsigned i = 0; i < WHEP_ENDED_MAX; i++) {
        if (e->rows[i].id[0] != '\0' && strcmp(e->rows[i].id, id) == 0) {
            e->rows[i].id[0] = '\0';
            return now_ns - e->rows[i].ended_ns <= WHEP_ENDED_NS;
        }
    }
    return false;
}
