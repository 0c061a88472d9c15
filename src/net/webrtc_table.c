#include "net/webrtc_table.h"

/* Mixing by multiplication; what matters is that the seed is unknown outside. */
static uint64_t mix(uint64_t h, uint64_t value)
{
    h = (h ^ value) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ (h >> 32);
}

static uint64_t mix_bytes(uint64_t h, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i += 4) {
        uint8_t word[4] = {0};
        memcpy(word, p + i, n - i < 4 ? n - i : 4);
        h = mix(h, bytes_get_u32(word));
    }
    return h;
}

static struct webrtc_tuple **tuple_bucket(const struct webrtc_table *t, const struct udp_path *path)
{
    uint64_t h = mix(t->seed, path->remote.port);
    h = mix_bytes(h, path->remote.ip, path->remote.version == 6 ? 16 : 4);
    return (struct webrtc_tuple **)&t->tuples[h % WEBRTC_TABLE_BUCKETS];
}

static struct webrtc_name **name_bucket(const struct webrtc_table *t, struct bytes ufrag)
{
    const uint64_t h = mix_bytes(t->seed, ufrag.data, ufrag.size);
    return (struct webrtc_name **)&t->names[h % WEBRTC_TABLE_BUCKETS];
}

struct webrtc_tuple *webrtc_table_find_tuple(const struct webrtc_table *t,
                                             const struct udp_path *path)
{
    struct webrtc_tuple *tuple = *tuple_bucket(t, path);
    while (tuple && !udp_path_equal(&tuple->path, path)) {
        tuple = tuple->next;
    }
    return tuple;
}

void webrtc_table_add_tuple(struct webrtc_table *t, struct webrtc_tuple *tuple)
{
    struct webrtc_tuple **bucket = tuple_bucket(t, &tuple->path);
    tuple->next = *bucket;
    *bucket = tuple;
}

void webrtc_table_remove_tuple(struct webrtc_table *t, struct webrtc_tuple *tuple)
{
    struct webrtc_tuple **at = tuple_bucket(t, &tuple->path);
    while (*at && *at != tuple) {
        at = &(*at)->next;
    }
    if (*at) {
        *at = tuple->next;
    }
}

static struct bytes ufrag_of(const struct webrtc_name *name)
{
    return bytes_of(name->ufrag, WEBRTC_UFRAG_SIZE);
}

struct webrtc_session *webrtc_table_find_name(const struct webrtc_table *t, struct bytes ufrag)
{
    if (ufrag.size != WEBRTC_UFRAG_SIZE) {
        return NULL;
    }
    const struct webrtc_name *name = *name_bucket(t, ufrag);
    while (name && !bytes_equal(ufrag_of(name), ufrag)) {
        name = name->next;
    }
    return name ? name->session : NULL;
}

void webrtc_table_add_name(struct webrtc_table *t, struct webrtc_name *name)
{
    struct webrtc_name **bucket = name_bucket(t, ufrag_of(name));
    name->next = *bucket;
    *bucket = name;
}

void webrtc_table_remove_name(struct webrtc_table *t, struct webrtc_name *name)
{
    struct webrtc_name **at = name_bucket(t, ufrag_of(name));
    while (*at && *at != name) {
        at = &(*at)->next;
    }
    if (*at) {
        *at = name->next;
    }
}
