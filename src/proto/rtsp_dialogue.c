#include "proto/rtsp_dialogue.h"

#include <inttypes.h>
#include <stdio.h>

void rtsp_dialogue_init(struct rtsp_dialogue *d, const struct rtsp_asks *asks, uint64_t id)
{
    *d = (struct rtsp_dialogue){.asks = asks};
    snprintf(d->session_id, sizeof(d->session_id), "%016" PRIX64, id);
}

/* ---- what holds for every method ---- */

/* RFC 2326 §12.32: nothing that could be required is there. */
static bool requires_something(const struct rtsp_message *m, struct rtsp_step *out)
{
    const struct bytes option = rtsp_header(m, "Require");
    out->unsupported = option.size > 0 ? option : rtsp_header(m, "Proxy-Require");
    return out->unsupported.size > 0;
}

static bool needs_session(enum rtsp_method m)
{
    return m == RTSP_PLAY || m == RTSP_PAUSE || m == RTSP_TEARDOWN;
}

/* RFC 2326 §12.37: what a player may add behind ';' is not the id. */
static bool is_session_wrong(const struct rtsp_dialogue *d, const struct rtsp_message *m)
{
    struct bytes value = rtsp_header(m, "Session");
    if (value.size == 0) {
        return needs_session(m->method);
    }
    const struct bytes id = rtsp_trim(rtsp_split(&value, ';'));
    return d->state == RTSP_INIT || !bytes_equal(id, bytes_of_text(d->session_id));
}

static unsigned check_any(const struct rtsp_dialogue *d, const struct rtsp_message *m,
                          struct rtsp_step *out)
{
    if (!m->has_cseq) {
        return 400;
    }
    if (requires_something(m, out)) {
        return 551;
    }
    if (m->method == RTSP_UNKNOWN || m->method == RTSP_OTHER) {
        return m->method == RTSP_OTHER ? 405 : 501;
    }
    return is_session_wrong(d, m) ? 454 : 200;
}

/* ---- the URL ---- */

static unsigned count_tracks(const struct rtsp_dialogue *d, const char *name)
{
    const unsigned n = d->asks->n_tracks(name, d->asks->arg);
    return n < RTSP_TRACKS_MAX ? n : RTSP_TRACKS_MAX;
}

static unsigned check_url(const struct rtsp_dialogue *d, struct rtsp_step *s)
{
    const unsigned n = s->url.name[0] != '\0' ? count_tracks(d, s->url.name) : 0;
    if (n == 0 || (s->url.track != RTSP_URL_NO_TRACK && (unsigned)s->url.track >= n)) {
        return 404;
    }
    s->track = s->url.track == RTSP_URL_NO_TRACK ? 0 : (unsigned)s->url.track;
    return 200;
}

/* ---- the methods ---- */

/* RFC 2326 §12.1: whoever lists what it takes must list SDP. */
static bool accepts_sdp(const struct rtsp_message *m)
{
    struct bytes list = rtsp_header(m, "Accept");
    bool is_listed = list.size == 0;
    while (list.size > 0) {
        struct bytes item = rtsp_split(&list, ',');
        const struct bytes type = rtsp_trim(rtsp_split(&item, ';'));
        is_listed = is_listed || rtsp_is_word(type, "application/sdp") ||
                    rtsp_is_word(type, "application/*") || rtsp_is_word(type, "*/*");
    }
    return is_listed;
}

static unsigned take_describe(const struct rtsp_message *m, struct rtsp_step *s)
{
    s->action = accepts_sdp(m) ? RTSP_DO_DESCRIBE : RTSP_ANSWER;
    return s->action == RTSP_DO_DESCRIBE ? 200 : 406;
}

/* Two tracks cannot share channels. Channels not said are the track's usual ones. */
static void choose_channels(struct rtsp_step *s)
{
    if (!s->transport.has_channels) {
        s->transport.channels[0] = (uint8_t)(2 * s->track);
        s->transport.channels[1] = (uint8_t)(2 * s->track + 1);
    }
}

static bool is_usable(const struct rtsp_transport *t)
{
    return !t->has_destination && (t->carrier != RTSP_OVER_UDP || t->has_ports);
}

static bool choose_transport(const struct rtsp_message *m, struct rtsp_step *s)
{
    struct bytes list = rtsp_header(m, "Transport");
    while (rtsp_transport_next(&list, &s->transport)) {
        if (is_usable(&s->transport)) {
            choose_channels(s);
            return true;
        }
    }
    return false;
}

static unsigned take_setup(const struct rtsp_dialogue *d, const struct rtsp_message *m,
                           struct rtsp_step *s)
{
    if (d->state == RTSP_PLAYING) {
        return 455;
    }
    const bool is_whole = s->url.track == RTSP_URL_NO_TRACK && count_tracks(d, s->url.name) > 1;
    const bool is_other = d->state == RTSP_READY && strcmp(d->stream, s->url.name) != 0;
    if (is_whole || is_other) {
        return 459;
    }
    if (!choose_transport(m, s)) {
        return 461;
    }
    s->action = RTSP_DO_SETUP;
    return 200;
}

/* Of one track alone, though there are several: RFC 2326 §10.4 knows but the whole. */
static bool is_part(const struct rtsp_dialogue *d, const struct rtsp_step *s)
{
    return s->url.track != RTSP_URL_NO_TRACK && d->tracks != 1u << s->track;
}

static unsigned take_session(const struct rtsp_dialogue *d, struct rtsp_step *s,
                             enum rtsp_action action)
{
    if (strcmp(d->stream, s->url.name) != 0) {
        return 454;
    }
    if (is_part(d, s)) {
        return 460;
    }
    s->action = action;
    return 200;
}

/* RFC 2326 §10.8: without parameters it asks whether we live; we have no parameters. */
static unsigned take_parameters(const struct rtsp_message *m)
{
    return m->body.size > 0 ? 451 : 200;
}

static unsigned take_method(const struct rtsp_dialogue *d, const struct rtsp_message *m,
                            struct rtsp_step *s)
{
    switch (m->method) {
    case RTSP_DESCRIBE:
        return take_describe(m, s);
    case RTSP_SETUP:
        return take_setup(d, m, s);
    case RTSP_PLAY:
        return take_session(d, s, RTSP_DO_PLAY);
    case RTSP_PAUSE:
        return take_session(d, s, RTSP_DO_PAUSE);
    default:
        return take_session(d, s, RTSP_DO_TEARDOWN);
    }
}

static bool is_about_server(enum rtsp_method m)
{
    return m == RTSP_OPTIONS || m == RTSP_GET_PARAMETER || m == RTSP_SET_PARAMETER;
}

static unsigned take(const struct rtsp_dialogue *d, const struct rtsp_message *m,
                     struct rtsp_step *s)
{
    unsigned status = check_any(d, m, s);
    if (status == 200 && is_about_server(m->method)) {
        return m->method == RTSP_OPTIONS ? 200 : take_parameters(m);
    }
    if (status == 200 && rtsp_url_parse(m->url, &s->url) < 0) {
        status = 400;
    }
    status = status == 200 ? check_url(d, s) : status;
    return status == 200 ? take_method(d, m, s) : status;
}

void rtsp_dialogue_take(const struct rtsp_dialogue *d, const struct rtsp_message *request,
                        struct rtsp_step *out)
{
    *out = (struct rtsp_step){
        .method = request->method, .has_cseq = request->has_cseq, .cseq = request->cseq};
    out->status = take(d, request, out);
}

void rtsp_dialogue_done(struct rtsp_dialogue *d, struct rtsp_step *step, unsigned status)
{
    step->status = status;
    if (status != 200) {
        return;
    }
    switch (step->action) {
    case RTSP_DO_SETUP:
        d->state = RTSP_READY;
        d->tracks |= 1u << step->track;
        memcpy(d->stream, step->url.name, sizeof(d->stream));
        break;
    case RTSP_DO_PLAY:
        d->state = RTSP_PLAYING;
        break;
    case RTSP_DO_PAUSE:
        d->state = RTSP_READY;
        break;
    case RTSP_DO_TEARDOWN:
        d->state = RTSP_INIT;
        d->tracks = 0;
        break;
    default:
        break;
    }
}

/* ---- answers ---- */

static void answer_base(const struct rtsp_step *step, struct text *out)
{
    text_append(out, "Content-Base: ");
    text_append_bytes(out, step->url.base);
    text_append(out, "/\r\n");
}

void rtsp_dialogue_answer(const struct rtsp_dialogue *d, const struct rtsp_step *step,
                          struct text *out)
{
    const struct rtsp_message request = {.has_cseq = step->has_cseq, .cseq = step->cseq};
    rtsp_response_begin(out, step->status, &request);
    if (step->status == 405 || (step->status == 200 && step->method == RTSP_OPTIONS)) {
        text_printf(out, "%s: %s\r\n", step->status == 405 ? "Allow" : "Public", rtsp_methods);
    }
    if (step->status == 551) {
        text_append(out, "Unsupported: ");
        text_append_bytes(out, step->unsupported);
        text_append(out, "\r\n");
    }
    if (step->action == RTSP_DO_DESCRIBE && step->status == 200) {
        answer_base(step, out);
    }
    if (d->state != RTSP_INIT && step->method != RTSP_DESCRIBE) {
        text_printf(out, "Session: %s;timeout=%d\r\n", d->session_id, RTSP_SESSION_TIMEOUT_S);
    }
    if (step->action == RTSP_DO_PLAY && step->status == 200) {
        text_append(out, "Range: npt=now-\r\n");
    }
}
