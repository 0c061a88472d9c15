/*
 * What the loop tells a pipeline's thread: which encodings are wanted, wishes, the end. Wishes of
 * one kind are merged; of controls at most MAILBOX_CONTROLS_MAX wait, the oldest go.
 *
 * Thread: any for post, the pipeline's for take. fd is readable while something waits.
 */
#ifndef AVOCET_PIPELINE_MAILBOX_H
#define AVOCET_PIPELINE_MAILBOX_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "media/wish.h"

enum { MAILBOX_CONTROLS_MAX = 16 };

/* What waits, all of it. */
struct mail {
    bool is_demand; /* there was a demand since the last time */
    encoding_set wanted;
    encoding_set keys;                 /* keyframes wished */
    int64_t bitrates_bps[N_ENCODINGS]; /* 0: none wished */
    struct wish controls[MAILBOX_CONTROLS_MAX];
    unsigned n_controls;
    bool must_quit;
};

struct mailbox {
    pthread_mutex_t lock;
    int fd; /* eventfd */
    atomic_bool has_mail;
    struct mail mail;
};

/* -errno of eventfd. */
int mailbox_init(struct mailbox *m);
void mailbox_finish(struct mailbox *m);
void mailbox_post_demand(struct mailbox *m, encoding_set wanted);
void mailbox_post_wish(struct mailbox *m, const struct wish *wish);
void mailbox_post_quit(struct mailbox *m);
/* Without a system call: a source that always has something never waits for fd. */
static inline bool mailbox_has_mail(const struct mailbox *m)
{
    return atomic_load_explicit(&m->has_mail, memory_order_relaxed);
}
/* Empties it; wanted and must_quit are also told when they did not change. */
void mailbox_take(struct mailbox *m, struct mail *out);

#endif
