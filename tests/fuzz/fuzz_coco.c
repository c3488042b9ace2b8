/* libFuzzer target: any bytes as COCO's JSON, whose masks are drawn where it opens.
 *   CC=clang meson setup FOLDER -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false
 *   ninja -C FOLDER tests/fuzz/fuzz_coco
 *   cp -r tests/fuzz/seeds/coco CORPUS && FOLDER/tests/fuzz/fuzz_coco CORPUS */
#include "data_folder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    data_begin("set.json");
    data_write(data, size);
    data_use();
    return 0;
}
