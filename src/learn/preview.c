/* A contact sheet from the loader's own batches. */
#include "learn/preview.h"

#include <math.h>
#include <stdio.h>

#include "base/file.h"
#include "learn/trainer_impl.h"
#include "media/image.h"
#include "media/sheet.h"
#include "predict/prepare.h"

enum { TILE_WIDTH = 256, COLUMNS_MOST = 6 };

typedef struct preview {
    polyp_image *pictures, *masks; /* [count] */
    sheet_tile *tiles;             /* [count] */
    int count;
} preview;

static status create_preview(preview *p, int count)
{
    p->count = count;
    TRY(memory_new(&p->pictures, (size_t)count));
    TRY(memory_new(&p->masks, (size_t)count));
    return memory_new(&p->tiles, (size_t)count);
}

static void free_preview(preview *p)
{
    for (int i = 0; i < p->count; i++) {
        if (p->pictures) polyp_image_free(&p->pictures[i]);
        if (p->masks) polyp_image_free(&p->masks[i]);
    }
    memory_free(p->pictures);
    memory_free(p->masks);
    memory_free(p->tiles);
}

/* Back from what the network gets. */
static void fill_picture(polyp_image *out, const float *planes)
{
    const size_t plane = (size_t)out->width * (size_t)out->height;
    for (size_t i = 0; i < 3 * plane; i++) {
        const size_t c = i % 3;
        const float level = 255.0f * (planes[c * plane + i / 3] * PREPARE_STD[c] + PREPARE_MEAN[c]);
        out->pixels[i] = (unsigned char)lrintf(fminf(fmaxf(level, 0.0f), 255.0f));
    }
}

static status take_picture(preview *p, int number, const batch *b, int at, const dataset *data)
{
    const int size = b->images.shape.h;
    const size_t plane = (size_t)size * (size_t)size;
    polyp_image *const picture = &p->pictures[number], *const mask = &p->masks[number];
    TRY(image_create(picture, size, size, 3));
    TRY(image_create(mask, size, size, 1));
    fill_picture(picture, b->images.data + (size_t)at * 3 * plane);
    for (size_t i = 0; i < plane; i++) mask->pixels[i] = b->masks.data[(size_t)at * plane + i] > 0.5f ? 255 : 0;
    p->tiles[number] = (sheet_tile){.picture = picture, .truth = mask, .caption = data->samples[b->samples[at]].stem};
    return POLYP_OK;
}

static status take_pictures(preview *p, loader *l, const dataset *data)
{
    batch b = {.count = 0};
    for (int i = 0, at = 0; i < p->count; i++, at++) {
        if (at == b.count) {
            TRY(loader_next(l, &b));
            at = 0;
        }
        TRY(take_picture(p, i, &b, at, data));
    }
    return POLYP_OK;
}

static status write_sheet(const preview *p, const trainer *t)
{
    char title[RECIPE_NAME + 64];
    char *const path = path_join(t->options->out, "preview.png");
    if (!path) return POLYP_ERR_MEMORY;
    (void)snprintf(title, sizeof title, "%s: pictures as the network sees them, %d x %d", t->recipe.name,
                   t->recipe.size, t->recipe.size);
    const int columns = p->count < COLUMNS_MOST ? p->count : COLUMNS_MOST;
    const status result = sheet_write(path, title, p->tiles, (size_t)p->count, columns, TILE_WIDTH);
    memory_free(path);
    return result;
}

static status preview_with(trainer *t, preview *p, int count)
{
    const polyp_train_options *const o = t->options;
    if (o->init) TRY(model_open(&t->init, o->init));
    TRY(trainer_choose_recipe(t));
    TRY(folder_create(o->out));
    TRY(training_data_open(&t->data, o));
    const loader_options batches = trainer_loader_options(t);
    TRY(loader_open(&t->loader, &t->data.train, &batches));
    TRY(create_preview(p, count));
    TRY(take_pictures(p, t->loader, &t->data.train));
    return write_sheet(p, t);
}

status preview_write(const polyp_train_options *options, int count)
{
    trainer *t;
    preview p = {0};
    TRY(memory_new(&t, 1));
    t->options = options;
    const status result = preview_with(t, &p, count);
    free_preview(&p);
    trainer_close(t);
    memory_free(t);
    return result;
}
