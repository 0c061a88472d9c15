#include "app/config_tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config_node *root = NULL;
    struct config_error error;
    if (config_tree_parse(bytes_of(data, size), &root, &error) == 0) {
        config_tree_free(root);
    }
    return 0;
}
