#include "pipeline/mailbox.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

int mailbox_init(struct mailbox *m)
{
    *m = (struct mailbox){.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    if (m->fd < 0) {
        return -errno;
    }
    pthread_mutex_init(&m->lock, NULL);
    return 0;
}

void mailbox_finish(struct mailbox *m)
{
    if (m->fd >= 0) {
        close(m->fd);
        pthread_mutex_destroy(&m->lock);
        m->fd = -1;
    }
}

static void ring_the_bell(struct mailbox *m)
{
    atomic_store_explicit(&m->has_mail, true, memory_order_relaxed);
    const uint64_t one = 1;
    (void)!write(m->fd, &one, sizeof(one));
}

void mailbox_post_demand(struct mailbox *m, encoding_set wanted)
{
    pthread_mutex_lock(&m->lock);
    m->mail.is_demand = true;
    m->mail.wanted = wanted;
    pthread_mutex_unlock(&m->lock);
    ring_the_bell(m);
}

static void add_control(struct mail *mail, const struct wish *wish)
{
    if (mail->n_controls == MAILBOX_CONTROLS_MAX) {
        mail->n_controls--;
        memmove(mail->controls, mail->controls + 1, mail->n_controls * sizeof(*wish));
    }
    mail->controls[mail->n_controls++] = *wish;
}

void mailbox_post_wish(struct mailbox *m, const struct wish *wish)
{
    pthread_mutex_lock(&m->lock);
    switch (wish->type) {
    case WISH_KEYFRAME:
        m->mail.keys |= 1U << wish->encoding;
        break;
    case WISH_BITRATE:
        m->mail.bitrates_bps[wish->encoding] = wish->bitrate_bps;
        break;
    case WISH_CONTROL:
        add_control(&m->mail, wish);
        break;
    }
    pthread_mutex_unlock(&m->lock);
    ring_the_bell(m);
}

void mailbox_post_quit(struct mailbox *m)
{
    pthread_mutex_lock(&m->lock);
    m->mail.must_quit = true;
    pthread_mutex_unlock(&m->lock);
    ring_the_bell(m);
}

void mailbox_take(struct mailbox *m, struct mail *out)
{
    uint64_t n;
    atomic_store_explicit(&m->has_mail, false, memory_order_relaxed);
    (void)!read(m->fd, &n, sizeof(n));
    pthread_mutex_lock(&m->lock);
    *out = m->mail;
    m->mail = (struct mail){.wanted = out->wanted, .must_quit = out->must_quit};
    pthread_mutex_unlock(&m->lock);
}
