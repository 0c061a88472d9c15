/*
 * The tables of what this build has: one row per source, encoder, decoder, sink and output, in order
 * of preference. The only place where HAVE_ switches are read.
 */
#ifndef AVOCET_APP_REGISTRY_H
#define AVOCET_APP_REGISTRY_H

#include "pipeline/pipeline.h"
#include "sink/output.h"

/* All NULL-terminated. */
extern const struct source_type *const registry_sources[];
extern const struct encoder_type *const registry_encoders[];
extern const struct decoder_type *const registry_decoders[];
extern const struct sink_type *const registry_sinks[];
extern const struct output_type *const registry_outputs[];

const struct source_type *registry_find_source(const char *scheme);
const struct output_type *registry_find_output(const char *scheme);
/* A sink that has a server of its own with this name. */
bool registry_has_server(const char *name);
/* An H.264 encoder of this name. */
bool registry_has_encoder(const char *name);
/* codec/jpeg_scale.h; NULL when this build has no JPEG library. */
extern int (*const registry_scale_jpeg)(struct bytes jpeg, int width, int quality,
                                        struct buf **out);
/* The URL of the first real camera, "v4l2:/dev/v4l/by-id/…"; false: there is none. */
bool registry_first_camera(char *url, size_t size);
/* "libx264 164, OpenSSL 3.0.22 …": one library a line, with versions. */
struct text;
void registry_describe_libraries(struct text *out);

#endif
