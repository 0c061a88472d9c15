#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "web/assets.h"

static void test_addresses(void **state)
{
    char versioned[64];
    snprintf(versioned, sizeof(versioned), "%s/favicon.svg", web_assets_version);
    const struct {
        const char *name, *path, *expected, *cache;
    } rows[] = {
        {"plain", "favicon.svg", "favicon.svg", WEB_CACHE_REVALIDATE},
        {"versioned", versioned, "favicon.svg", WEB_CACHE_FOREVER},
        {"page", "index.html", "index.html", WEB_CACHE_REVALIDATE},
        {"another version", "000000000000/favicon.svg", NULL, NULL},
        {"version only", web_assets_version, NULL, NULL},
        {"unknown", "favicon.svgz", NULL, NULL},
        {"prefix", "favicon", NULL, NULL},
        {"climbing", "../favicon.svg", NULL, NULL},
        {"empty", "", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const char *cache = NULL;
        const struct web_asset *asset = web_asset_find(rows[i].path, &cache);
        print_message("%s\n", rows[i].name);
        if (!rows[i].expected) {
            assert_null(asset);
            assert_null(cache);
            continue;
        }
        assert_non_null(asset);
        assert_string_equal(asset->path, rows[i].expected);
        assert_string_equal(cache, rows[i].cache);
    }
}

/* RFC 1952 §8 */
static uint32_t crc32(struct bytes in)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < in.size; i++) {
        crc ^= in.data[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
        }
    }
    return ~crc;
}

/* gzip ends in CRC-32 and size, little-endian (RFC 1952 §2.3.1). */
static uint32_t trailer_u32(const struct web_asset *asset, size_t from_end)
{
    const uint8_t *at = asset->gzip + asset->gzip_size - from_end;
    return at[0] | at[1] << 8 | at[2] << 16 | (uint32_t)at[3] << 24;
}

static void test_every_file_is_found_and_unpacks(void **state)
{
    for (size_t i = 0; i < n_web_assets; i++) {
        const struct web_asset *asset = &web_assets[i];
        const char *cache;
        assert_ptr_equal(web_asset_find(asset->path, &cache), asset);
        struct buf *plain = web_asset_unpack(asset);
        assert_non_null(plain);
        assert_int_equal(plain->size, asset->size);
        assert_int_equal(crc32(buf_bytes(plain)), trailer_u32(asset, 8));
        assert_int_equal(plain->size, trailer_u32(asset, 4));
        buf_unref(&plain);
        assert_int_equal(strncmp(asset->etag, "W/\"", 3), 0);
    }
}

/* The pages refer only to files that exist, and only by their unchanging address. */
static void test_pages_refer_to_this_version(void **state)
{
    const char *const pages[] = {"index.html", "player.html"};
    for (size_t i = 0; i < 2; i++) {
        const char *cache;
        const struct web_asset *page = web_asset_find(pages[i], &cache);
        struct buf *plain = web_asset_unpack(page);
        const char *at = (const char *)plain->data, *end = at + plain->size;
        size_t n_references = 0;
        while ((at = memmem(at, end - at, "/assets/", 8))) {
            char path[128] = {0};
            at += 8;
            memcpy(path, at, strcspn(at, "\"#"));
            assert_non_null(web_asset_find(path, &cache));
            assert_string_equal(cache, WEB_CACHE_FOREVER);
            n_references++;
        }
        assert_true(n_references > 0);
        buf_unref(&plain);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_every_file_is_found_and_unpacks),
        cmocka_unit_test(test_pages_refer_to_this_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
