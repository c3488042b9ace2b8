/* libFuzzer target: any bytes as a picture. What decodes must also resize and encode.
 *   CC=clang meson setup FOLDER -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false
 *   ninja -C FOLDER tests/fuzz/fuzz_image
 *   tests/golden/make_pictures.py --corpus CORPUS && FOLDER/tests/fuzz/fuzz_image CORPUS -rss_limit_mb=4000 */
#include <stdint.h>
#include <stdlib.h>

#include "base/memory.h"
#include "media/image.h"
#include "media/resize.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const polyp_image *image)
{
    polyp_image small, rgb;
    if (resize_bilinear(&small, image, 5, 9) != POLYP_OK) return;
    if (image_to_rgb(&rgb, &small) == POLYP_OK) {
        unsigned char *bytes;
        size_t length;
        if (image_encode_png(&bytes, &length, &rgb) != POLYP_OK) abort();
        memory_free(bytes);
        polyp_image_free(&rgb);
    }
    polyp_image_free(&small);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    polyp_image image = {0};
    if (image_decode(&image, data, size, "fuzz") == POLYP_OK) use(&image);
    else if (image.pixels) abort(); /* a failure must leave the output as it was */
    polyp_image_free(&image);
    return 0;
}
