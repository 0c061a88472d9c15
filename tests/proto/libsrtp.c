#include "libsrtp.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include <srtp2/srtp.h>

struct oracle {
    void *library;
    srtp_t session;
    uint8_t key[SRTP_MAX_KEY_LEN];
};

static unsigned n_oracles; /* libsrtp is initialised once for all */

typedef srtp_err_status_t packet_function(srtp_t session, void *packet, int *size);
typedef void policy_function(srtp_crypto_policy_t *policy);

static int call(struct oracle *o, const char *name, uint8_t *packet, size_t *size)
{
    packet_function *function = (packet_function *)dlsym(o->library, name);
    int n = (int)*size;
    const int result = (int)function(o->session, packet, &n);
    *size = (size_t)n;
    return result;
}

struct oracle *oracle_create(bool is_gcm, const uint8_t *key, bool is_sender)
{
    void *library = dlopen("libsrtp2.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        return NULL;
    }
    struct oracle *o = calloc(1, sizeof(*o));
    o->library = library;
    memcpy(o->key, key, is_gcm ? 28 : 30);
    policy_function *set =
        (policy_function *)dlsym(library, is_gcm ? "srtp_crypto_policy_set_aes_gcm_128_16_auth"
                                                 : "srtp_crypto_policy_set_rtp_default");
    srtp_policy_t policy = {.key = o->key, .window_size = 128};
    set(&policy.rtp);
    set(&policy.rtcp);
    policy.ssrc.type = is_sender ? ssrc_any_outbound : ssrc_any_inbound;
    srtp_err_status_t (*init)(void) = (srtp_err_status_t(*)(void))dlsym(library, "srtp_init");
    if (n_oracles == 0 && init() != srtp_err_status_ok) {
        free(o);
        return NULL;
    }
    srtp_err_status_t (*create)(srtp_t *, const srtp_policy_t *) =
        (srtp_err_status_t(*)(srtp_t *, const srtp_policy_t *))dlsym(library, "srtp_create");
    if (create(&o->session, &policy) != srtp_err_status_ok) {
        free(o);
        return NULL;
    }
    n_oracles++;
    return o;
}

void oracle_destroy(struct oracle *o)
{
    srtp_err_status_t (*dealloc)(srtp_t) =
        (srtp_err_status_t(*)(srtp_t))dlsym(o->library, "srtp_dealloc");
    srtp_err_status_t (*shut_down)(void) =
        (srtp_err_status_t(*)(void))dlsym(o->library, "srtp_shutdown");
    dealloc(o->session);
    if (--n_oracles == 0) {
        shut_down();
    }
    free(o);
}

int oracle_protect(struct oracle *o, uint8_t *packet, size_t *size)
{
    return call(o, "srtp_protect", packet, size);
}

int oracle_unprotect(struct oracle *o, uint8_t *packet, size_t *size)
{
    return call(o, "srtp_unprotect", packet, size);
}

int oracle_protect_rtcp(struct oracle *o, uint8_t *packet, size_t *size)
{
    return call(o, "srtp_protect_rtcp", packet, size);
}

int oracle_unprotect_rtcp(struct oracle *o, uint8_t *packet, size_t *size)
{
    return call(o, "srtp_unprotect_rtcp", packet, size);
}
