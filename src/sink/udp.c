#include "sink/udp.h"

#include "sink/announcement.h"
#include "sink/ts_datagram.h"

struct udp_output {
    char *mode;
    char *interface;
    int64_t ttl;
    bool loop;
    bool sap;
    struct datagram_output datagrams;
    struct announcement announcement;
};

static void write_datagram(struct datagram_output *d, const struct buf *chunk, unsigned i,
                           struct byte_writer *w)
{
    byte_writer_bytes(w, ts_datagram_bytes(chunk, i));
}

static const struct datagram_format format = {
    .mux = &mux_ts,
    .count = ts_datagram_count,
    .write = write_datagram,
};

static int open_output(void *state, const struct output_params *params, char *sentence, size_t size)
{
    struct udp_output *u = state;
    const struct datagram_config config = {
        .params = params,
        .format = &format,
        .protocol = output_udp.scheme,
        .interface = u->interface,
        .mode = u->mode,
        .ttl = (int)u->ttl,
        .is_looped = u->loop,
    };
    const int result = datagram_output_open(&u->datagrams, &config, sentence, size);
    if (result == 0) {
        announcement_add(&u->announcement, params->env, &u->datagrams, SDP_ANNOUNCE_UDP_TS, u->sap);
    }
    return result;
}

static void close_output(void *state)
{
    struct udp_output *u = state;
    announcement_remove(&u->announcement);
    datagram_output_close(&u->datagrams);
}

static const struct option options[] = {
    {"ttl", OPTION_INT, offsetof(struct udp_output, ttl), .max = 255,
     .help = "hops it may go; 0: 1 for multicast, the system's for one receiver"},
    {"interface", OPTION_TEXT, offsetof(struct udp_output, interface),
     .help = "where multicast leaves, such as eth0; default: as the routes say"},
    {"loop", OPTION_BOOL, offsetof(struct udp_output, loop), .def = "on",
     .help = "this machine's own programs may receive the multicast"},
    {"sap", OPTION_BOOL, offsetof(struct udp_output, sap), .def = "on",
     .help = "announce multicast by SAP"},
    {"mode", OPTION_TEXT, offsetof(struct udp_output, mode), .choices = output_mode_words,
     .help = "latency budget; default: the stream's"},
    {0},
};

const struct output_type output_udp = {
    .scheme = "udp",
    .summary = "MPEG-TS to a host or multicast group, udp://HOST:PORT",
    .state_size = sizeof(struct udp_output),
    .options = options,
    .sends = true,
    .open = open_output,
    .close = close_output,
};
