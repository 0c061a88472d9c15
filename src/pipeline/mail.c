#include "pipeline/worker.h"

#include <string.h>

static void give_to_source(struct pipeline *p, const struct wish *wish)
{
    const struct source_type *type = p->config.source;
    struct option_error error = {""};
    if (!p->state || !type->wish) {
        return;
    }
    const int result = type->wish(p->state, wish, &error);
    if (result < 0 && wish->type == WISH_CONTROL) {
        log_warn(&p->log, "%s=%s not set, %s", wish->name, wish->value,
                 error.sentence[0] != '\0' ? error.sentence : strerror(-result));
    }
}

static void take_keys(struct pipeline *p, encoding_set keys)
{
    for (int id = 0; id < N_ENCODINGS; id++) {
        if ((keys & 1U << id) == 0) {
            continue;
        }
        if (id == (int)worker_native_encoding(p)) {
            give_to_source(p,
                           &(struct wish){.type = WISH_KEYFRAME, .encoding = (enum encoding_id)id});
        } else {
            p->encodes[id].must_make_key = true;
        }
    }
}

static void take_bitrates(struct pipeline *p, const int64_t *bitrates_bps)
{
    for (int id = 0; id < N_ENCODINGS; id++) {
        if (bitrates_bps[id] <= 0) {
            continue;
        }
        encode_set_bitrate(&p->encodes[id], bitrates_bps[id]);
        if (id == (int)worker_native_encoding(p)) {
            give_to_source(p, &(struct wish){.type = WISH_BITRATE,
                                             .encoding = (enum encoding_id)id,
                                             .bitrate_bps = bitrates_bps[id]});
        }
    }
}

static void take_demand(struct pipeline *p, const struct mail *mail)
{
    p->wanted = mail->wanted;
    p->must_quit = mail->must_quit;
    if (mail->is_demand) {
        p->is_shown = false; /* the loop said starting or stopping meanwhile */
    }
    for (int id = 0; id < N_ENCODINGS; id++) {
        if ((p->wanted & 1U << id) == 0) {
            encode_close(&p->encodes[id]);
        }
    }
    const enum encoding_id native = worker_native_encoding(p);
    if (native == N_ENCODINGS || (p->wanted & ~(1U << native)) == 0) {
        decode_close(&p->decode);
    }
}

void mail_take(struct pipeline *p)
{
    struct mail mail;
    mailbox_take(&p->mailbox, &mail);
    take_demand(p, &mail);
    take_keys(p, mail.keys);
    take_bitrates(p, mail.bitrates_bps);
    for (unsigned i = 0; i < mail.n_controls; i++) {
        give_to_source(p, &mail.controls[i]);
    }
    shown_update_can(p);
    if (!p->must_quit && worker_must_run(p)) {
        shown_update_state(p);
    }
}
