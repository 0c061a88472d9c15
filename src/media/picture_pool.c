#include "media/picture_pool.h"

#include <pthread.h>
#include <stdlib.h>

struct pool_slot {
    struct picture *memory; /* made by picture_create(); NULL until first needed */
    struct picture picture; /* what is lent: the planes of memory */
    struct picture_pool *pool;
    bool is_lent;
};

struct picture_pool {
    enum pixel_format format;
    struct picture_size size;
    int n_max;
    /* under lock */
    pthread_mutex_t lock;
    int n_lent;
    bool is_dropped;
    struct pool_slot slots[PICTURE_POOL_MAX];
};

struct picture_pool *picture_pool_create(enum pixel_format format, struct picture_size size,
                                         int n_max)
{
    struct picture_pool *pool = calloc(1, sizeof(*pool));
    if (!pool) {
        return NULL;
    }
    pool->format = format;
    pool->size = size;
    pool->n_max = n_max;
    pthread_mutex_init(&pool->lock, NULL);
    for (int i = 0; i < PICTURE_POOL_MAX; i++) {
        pool->slots[i].pool = pool;
    }
    return pool;
}

static void pool_free(struct picture_pool *pool)
{
    for (int i = 0; i < pool->n_max; i++) {
        picture_unref(&pool->slots[i].memory);
    }
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

/* Called at the last unref of a lent picture. */
static void slot_release(struct picture *p)
{
    struct pool_slot *slot = p->owner;
    struct picture_pool *pool = slot->pool;
    pthread_mutex_lock(&pool->lock);
    slot->is_lent = false;
    pool->n_lent--;
    const bool is_last = pool->is_dropped && pool->n_lent == 0;
    pthread_mutex_unlock(&pool->lock);
    if (is_last) {
        pool_free(pool);
    }
}

static void slot_lend(struct pool_slot *slot)
{
    slot->picture = *slot->memory;
    slot->picture.release = slot_release;
    slot->picture.owner = slot;
    atomic_init(&slot->picture.n_refs, 1);
    slot->is_lent = true;
    slot->pool->n_lent++;
}

struct picture *picture_pool_take(struct picture_pool *pool, int *slot)
{
    struct picture *taken = NULL;
    pthread_mutex_lock(&pool->lock);
    for (int i = 0; i < pool->n_max && !taken; i++) {
        struct pool_slot *s = &pool->slots[i];
        if (s->is_lent) {
            continue;
        }
        if (!s->memory) {
            s->memory = picture_create(pool->format, pool->size);
        }
        if (!s->memory) {
            break;
        }
        slot_lend(s);
        taken = &s->picture;
        if (slot) {
            *slot = i;
        }
    }
    pthread_mutex_unlock(&pool->lock);
    return taken;
}

void picture_pool_drop(struct picture_pool **pool)
{
    struct picture_pool *old = *pool;
    *pool = NULL;
    if (!old) {
        return;
    }
    pthread_mutex_lock(&old->lock);
    old->is_dropped = true;
    const bool is_last = old->n_lent == 0;
    pthread_mutex_unlock(&old->lock);
    if (is_last) {
        pool_free(old);
    }
}

bool picture_pool_fits(const struct picture_pool *pool, enum pixel_format format,
                       struct picture_size size)
{
    return pool && pool->format == format && pool->size.width == size.width &&
           pool->size.height == size.height;
}
