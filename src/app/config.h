/*
 * What the program is told: streams and servers, from a YAML file and from the command line.
 *
 * The option tables here are the schema: they type the file's scalars and a source URL's query,
 * and print --help and the documentation.
 *
 * Ownership: a config owns everything in it; config_finish() frees (also a half-filled one).
 * Thread:    any; a value.
 * Errors:    0, or -errno with error filled: line and column for a file, 0 for the command line.
 */
#ifndef AVOCET_APP_CONFIG_H
#define AVOCET_APP_CONFIG_H

#include "app/config_output.h"
#include "app/config_tree.h"
#include "base/option.h"
#include "source/source.h"
#include "stream/stream.h"

enum {
    CONFIG_STREAMS_MAX = 64,
    CONFIG_OUTPUTS_MAX = 8, /* of one stream */
    CONFIG_LISTEN_MAX = 16,
    CONFIG_WEBRTC_ADDRESSES_MAX = 16,
    CONFIG_TEXTS_MAX = 64,
};

enum stream_start { START_ON_DEMAND, START_ALWAYS };

/* The keys of a stream; also of `defaults:` and of a source URL's query. */
struct stream_options {
    struct picture_size size;
    struct rational fps;
    int64_t bitrate_bps; /* 0: by size */
    int64_t keyframe_ns;
    int start; /* enum stream_start */
    int64_t stop_after_ns;
    int mode; /* enum stream_mode */
    bool intra_refresh;
    int64_t slice_max_size_bytes;
    int64_t quality;
    char *encoder;
    char *preset;
    bool is_size_given;
    bool is_fps_given;
};

extern const struct option stream_option_table[];

struct config_stream {
    char name[STREAM_NAME_SIZE];
    const struct source_type *source;
    char *location;
    void *source_options; /* of source->options */
    struct stream_options options;
    struct config_output outputs[CONFIG_OUTPUTS_MAX];
    unsigned n_outputs;
    bool is_argument;  /* from the command line: a reload of the file leaves it alone */
    char *fingerprint; /* equal texts: equal streams; what a reload compares */
};

/* A growing list of texts, NULL-terminated for those who walk it. */
struct config_texts {
    char *items[CONFIG_TEXTS_MAX + 1];
    unsigned n_items;
};

/* One server: where it listens. */
struct config_server {
    bool is_off;
    bool is_address_given; /* ADDR:PORT was said: only there, not on every listen address */
    char address[80];      /* without brackets */
    uint16_t port;         /* 0: any free */
};

enum config_server_id {
    SERVER_HTTP,
    SERVER_WEBRTC,
    SERVER_RTSP,
    SERVER_RTMP,
    SERVER_SRT,
    N_SERVERS
};

struct config {
    char *file;                 /* NULL: none */
    char *file_addresses;       /* listen_addresses_describe() of the file alone; NULL: none */
    struct config_texts listen; /* addresses without port */
    bool is_without_camera;     /* nothing was said, and no camera found: the test picture */
    bool open;                  /* --open: everybody may watch, beyond loopback too */
    struct config_server servers[N_SERVERS];
    struct config_texts hosts;
    struct config_texts origins;
    struct config_texts webrtc_addresses;
    struct config_stream streams[CONFIG_STREAMS_MAX];
    unsigned n_streams;
    bool has_standard_input; /* some stream reads it */
};

const char *config_server_name(enum config_server_id id);

void config_init(struct config *c);
void config_finish(struct config *c);
/* Reads the file and adds what it says. error->sentence has no file name in it. */
int config_read_file(struct config *c, const char *path, struct config_error *error);
int config_read(struct config *c, struct bytes yaml, struct config_error *error);
/* "NAME=SOURCE" or "SOURCE" (then named cam), with defaults (NULL: the built-in ones). */
int config_add_source(struct config *c, const char *argument, struct config_error *error);
/* "8080", "127.0.0.1:8080", "[::1]:0", "off". */
int config_set_server(struct config *c, enum config_server_id id, const char *value,
                      struct config_error *error);
int config_add_listen(struct config *c, const char *address, struct config_error *error);
/* What a file said of listen is not meant any more: the command line says it anew. */
void config_forget_listen(struct config *c);
void config_forget_webrtc_addresses(struct config *c);
int config_add_webrtc_address(struct config *c, const char *text, struct config_error *error);
int config_add_text(struct config_texts *texts, const char *text);
void config_finish_texts(struct config_texts *texts);
/* An address that reaches beyond this machine and is listened on; NULL: all are loopback. */
const char *config_beyond_loopback(const struct config *c);
/* The same of the streams' sources and outputs alone. */
const char *config_streams_beyond_loopback(const struct config *c);

#endif
