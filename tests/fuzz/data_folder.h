/* For fuzz targets of data sets: a folder in memory with the pictures that seeds name, and one file of the fuzzer's bytes. */
#ifndef POLYP_TESTS_FUZZ_DATA_FOLDER_H
#define POLYP_TESTS_FUZZ_DATA_FOLDER_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "learn/dataset.h"
#include "media/image.h"

static char data_folder[32], data_file[64];

static void data_remove(void)
{
    char command[64];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", data_folder);
    if (system(command) != 0) abort();
}

static void data_put_picture(const char *name, int channels)
{
    char path[64];
    polyp_image image = {0};
    (void)snprintf(path, sizeof path, "%s/%s", data_folder, name);
    if (image_create(&image, 8, 6, channels) != POLYP_OK || image_write_png(&image, path) != POLYP_OK) abort();
    polyp_image_free(&image);
}

/* a.png and b.png, 8 x 6, and a mask; once. */
static void data_begin(const char *file)
{
    if (data_folder[0]) return;
    (void)snprintf(data_folder, sizeof data_folder, "/dev/shm/fuzz-XXXXXX");
    if (mkdtemp(data_folder) == NULL || atexit(data_remove) != 0) abort();
    (void)snprintf(data_file, sizeof data_file, "%s/%s", data_folder, file);
    data_put_picture("a.png", 3);
    data_put_picture("b.png", 3);
    data_put_picture("m.png", 1);
}

static void data_write(const uint8_t *data, size_t size)
{
    FILE *const f = fopen(data_file, "wb");
    if (f == NULL || fwrite(data, 1, size, f) != size || fclose(f) != 0) abort();
}

/* What opens must be whole: every sample has a picture that is there, and can be read or says why not. */
static void data_use(void)
{
    dataset d = {0};
    if (dataset_open(&d, data_file, NULL) != POLYP_OK) return;
    if (d.count == 0) abort();
    for (size_t i = 0; i < d.count; i++) {
        const sample *const s = &d.samples[i];
        polyp_image picture = {0}, mask = {0};
        if (s->stem == NULL || s->image == NULL || !file_exists(s->image)) abort();
        if (i > 0 && s[-1].stem != NULL && strcmp(s[-1].stem, s->stem) >= 0) abort(); /* sorted, each once */
        if (sample_read(&picture, &mask, s) != POLYP_OK) continue;
        if (picture.width != mask.width || picture.height != mask.height || mask.channels != 1) abort();
        polyp_image_free(&picture);
        polyp_image_free(&mask);
    }
    dataset_free(&d);
}

#endif
