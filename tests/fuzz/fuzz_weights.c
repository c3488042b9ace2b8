/* libFuzzer target: any bytes as a file of weights, and as an ONNX file. What opens must also convert.
 *   CC=clang meson setup FOLDER -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false
 *   ninja -C FOLDER tests/fuzz/fuzz_weights
 *   cp -r tests/golden/weights CORPUS && FOLDER/tests/fuzz/fuzz_weights CORPUS -rss_limit_mb=4000 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/memory.h"
#include "net/onnx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FEW = 1 << 20 }; /* an expanded tensor may have any number of values */

static void use(const weights_file *file)
{
    for (size_t i = 0; i < file->count; i++) {
        const weights_entry *const entry = &file->entries[i];
        if (weights_find(file, entry->name) != entry) abort();
        if (entry->count > FEW) continue;
        float *const values = memory_allocate(entry->count, sizeof *values);
        if (values != NULL) (void)weights_to_f32(values, entry);
        memory_free(values);
    }
    (void)weights_verify(file, "fuzz");
}

static void note(void *nothing, const char *key, const char *value)
{
    (void)nothing;
    if (key[0] == 1 || value[0] == 1) abort(); /* control characters are replaced */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    const int fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size) abort();
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    weights_file file = {0};
    if (weights_open(&file, path) == POLYP_OK) use(&file);
    else if (file.entries != NULL || file.bytes.data != NULL) abort(); /* a failure must leave the output as it was */
    weights_close(&file);
    onnx_about about;
    bool is_onnx;
    (void)onnx_outline(&about, &is_onnx, path, note, NULL);
    (void)close(fd);
    return 0;
}
