/* Test vectors as RFCs print them: hexadecimal with any white space. */
#ifndef AVOCET_TESTS_PROTO_HEX_H
#define AVOCET_TESTS_PROTO_HEX_H

#include <assert.h>
#include <ctype.h>
#include <stdint.h>
#include <stdio.h>

static inline size_t hex_read(const char *text, uint8_t *out, size_t capacity)
{
    size_t n_digits = 0;
    for (; *text; text++) {
        if (!isxdigit((unsigned char)*text)) {
            continue;
        }
        const int digit = isdigit((unsigned char)*text) ? *text - '0' : (*text | 0x20) - 'a' + 10;
        assert(n_digits / 2 < capacity);
        out[n_digits / 2] = (uint8_t)(n_digits % 2 ? out[n_digits / 2] << 4 | digit : digit);
        n_digits++;
    }
    assert(n_digits % 2 == 0);
    return n_digits / 2;
}

#endif
