#include "pipeline/output.h"

void output_init(struct output *o, struct stream *stream)
{
    pthread_mutex_init(&o->lock, NULL);
    o->stream = stream;
}

void output_finish(struct output *o)
{
    pthread_mutex_destroy(&o->lock);
}

void output_cut(struct output *o)
{
    pthread_mutex_lock(&o->lock);
    o->stream = NULL;
    pthread_mutex_unlock(&o->lock);
}

void output_set_track(struct output *o, enum encoding_id id, const struct track *track)
{
    pthread_mutex_lock(&o->lock);
    if (o->stream) {
        stream_set_track(o->stream, id, track);
    }
    pthread_mutex_unlock(&o->lock);
}

void output_publish(struct output *o, enum encoding_id id, struct packet *packet)
{
    pthread_mutex_lock(&o->lock);
    if (o->stream) {
        stream_publish(o->stream, id, packet);
        packet = NULL;
    }
    pthread_mutex_unlock(&o->lock);
    packet_unref(&packet);
}

void output_set_state(struct output *o, enum stream_state state, const char *error)
{
    pthread_mutex_lock(&o->lock);
    if (o->stream) {
        stream_set_state(o->stream, state, error);
    }
    pthread_mutex_unlock(&o->lock);
}

void output_set_encoding_error(struct output *o, enum encoding_id id, const char *sentence)
{
    pthread_mutex_lock(&o->lock);
    if (o->stream) {
        stream_set_encoding_error(o->stream, id, sentence);
    }
    pthread_mutex_unlock(&o->lock);
}
