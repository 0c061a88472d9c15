#include "app/config_output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "app/registry.h"
#include "app/source_url.h"
#include "net/address.h"
#include "net/udp_sender.h"

static int set_parameters(struct config_output *out, const struct source_url *url, char *sentence,
                          size_t size)
{
    for (unsigned i = 0; i < url->n_parameters; i++) {
        const struct source_parameter *p = &url->parameters[i];
        struct option_error error;
        if (!out->type->options || !option_find(out->type->options, p->name)) {
            snprintf(sentence, size,
                     "unknown parameter '%.60s' of %s: avocet serve --help lists them", p->name,
                     out->type->scheme);
            return -EINVAL;
        }
        if (option_set(out->type->options, out->options, p->name, p->value, &error) < 0) {
            snprintf(sentence, size, "%s", error.sentence);
            return -EINVAL;
        }
    }
    return 0;
}

/* "5001" or "127.0.0.1:5001" */
static bool is_place(const char *location)
{
    struct address address;
    char *end = NULL;
    if (strchr(location, ':')) {
        return address_parse(&address, location) == 0;
    }
    const unsigned long port = strtoul(location, &end, 10);
    return location[0] >= '0' && location[0] <= '9' && *end == '\0' && port <= 65535;
}

static int fill(struct config_output *out, const struct source_url *url, char *sentence,
                size_t size)
{
    out->type = registry_find_output(url->scheme);
    if (!out->type) {
        snprintf(sentence, size,
                 "no output '%s:' in this build: avocet features lists those it has", url->scheme);
        return -EINVAL;
    }
    if (out->type->listens && !is_place(url->location)) {
        snprintf(sentence, size, "'%.80s' is no place to listen: write %s:PORT or %s:ADDRESS:PORT",
                 url->location, url->scheme, url->scheme);
        return -EINVAL;
    }
    if (out->type->sends && !udp_sender_is_place(url->location)) {
        snprintf(sentence, size, "'%.80s' is no place to send to: write %s://HOST:PORT",
                 url->location, url->scheme);
        return -EINVAL;
    }
    out->location = strdup(url->location);
    out->options = calloc(1, out->type->state_size);
    if (!out->location || !out->options) {
        snprintf(sentence, size, "out of memory");
        return -EINVAL;
    }
    if (out->type->options) {
        option_init(out->type->options, out->options);
    }
    return set_parameters(out, url, sentence, size);
}

int config_output_parse(struct config_output *out, const char *text, char *sentence, size_t size)
{
    struct source_url *url = malloc(sizeof(*url));
    if (!url) {
        snprintf(sentence, size, "out of memory");
        return -EINVAL;
    }
    int result = -EINVAL;
    if (!strchr(text, ':')) {
        snprintf(sentence, size, "'%.80s' is no output: write for example tcp-listen:5001", text);
    } else {
        result = source_url_parse(text, url, sentence, size);
    }
    if (result == 0) {
        result = fill(out, url, sentence, size);
    }
    free(url);
    return result;
}

void config_output_finish(struct config_output *o)
{
    if (o->options && o->type->options) {
        option_finish(o->type->options, o->options);
    }
    free(o->options);
    free(o->location);
    *o = (struct config_output){0};
}

bool config_is_beyond_loopback(const char *location)
{
    struct address address;
    return strchr(location, ':') && address_parse(&address, location) == 0 &&
           !address_is_loopback(&address) && !address_is_multicast(&address);
}
