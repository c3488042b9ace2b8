/* By-products of a run, for a person who watches. */
#include "learn/run_figures.h"

#include <stdio.h>

#include "base/file.h"
#include "media/canvas.h"
#include "media/image.h"

enum { QUALITY = 90 }; /* of the pictures in the event file: as PNG they would be four times as large */

/* A file that cannot be written is noted, anything else goes up. */
static status noted(const run_figures *f, status result)
{
    if (result != POLYP_ERR_FILE) return result;
    run_log_note(f->log, "%s; the run goes on without", polyp_error());
    return POLYP_OK;
}

/* The same for events: after the first that could not be written there are no more. */
static status event_noted(run_figures *f, status result)
{
    if (result == POLYP_OK) return POLYP_OK;
    tensorboard_close(f->events);
    f->events = NULL;
    return noted(f, result);
}

status run_figures_open(run_figures *out, const char *folder, int64_t last_step, run_log *log)
{
    *out = (run_figures){.log = log, .validation = path_join(folder, "validation.png")};
    char *const path = path_join(folder, TENSORBOARD_FILE);
    status result = out->validation && path ? POLYP_OK : POLYP_ERR_MEMORY;
    if (result == POLYP_OK) result = noted(out, tensorboard_open(&out->events, path, last_step));
    memory_free(path);
    return result;
}

void run_figures_close(run_figures *f)
{
    tensorboard_close(f->events);
    memory_free(f->validation);
    *f = (run_figures){0};
}

status run_figures_step(run_figures *f, int64_t step, double loss, double rate)
{
    const event_scalar scalars[] = {{"step/loss", loss}, {"step/rate", rate}};
    return f->events ? event_noted(f, tensorboard_scalars(f->events, step, scalars, 2)) : POLYP_OK;
}

static status add_row(run_figures *f, int64_t step, const history_row *row)
{
    static const char *const tags[HISTORY_COLUMNS] = {
        [HISTORY_LEARNING_RATE] = "rate/decoder",    [HISTORY_ENCODER_LEARNING_RATE] = "rate/encoder",
        [HISTORY_TRAIN_LOSS] = "loss/train",         [HISTORY_VALID_LOSS] = "loss/validation",
        [HISTORY_JACCARD] = "validation/jaccard",    [HISTORY_DSC] = "validation/dsc",
        [HISTORY_RECALL] = "validation/recall",      [HISTORY_PRECISION] = "validation/precision",
        [HISTORY_ACCURACY] = "validation/accuracy",  [HISTORY_F2] = "validation/f2",
        [HISTORY_POOLED_JACCARD] = "pooled/jaccard", [HISTORY_POOLED_DSC] = "pooled/dsc",
    };
    event_scalar scalars[HISTORY_COLUMNS];
    for (int k = 0; k < HISTORY_COLUMNS; k++) scalars[k] = (event_scalar){tags[k], row->values[k]};
    return tensorboard_scalars(f->events, step, scalars, HISTORY_COLUMNS);
}

static status add_sheet(run_figures *f, int64_t step, const polyp_image *sheet)
{
    event_image image = {
        .tag = "validation/worst", .width = sheet->width, .height = sheet->height, .channels = sheet->channels};
    unsigned char *bytes;
    TRY(image_encode_jpeg(&bytes, &image.size, sheet, QUALITY));
    image.bytes = bytes;
    const status result = tensorboard_image(f->events, step, &image);
    memory_free(bytes);
    return result;
}

static status show_worst(run_figures *f, int64_t step, int epoch, polyp_predictor *predictor, const dataset *data,
                         const evaluate_row *rows)
{
    char title[64];
    polyp_image sheet;
    (void)snprintf(title, sizeof title, "Validation after epoch %d", epoch);
    TRY(worst_sheet_draw(&sheet, title, predictor, data, rows));
    status result = noted(f, image_write_png(&sheet, f->validation));
    if (result == POLYP_OK && f->events) result = event_noted(f, add_sheet(f, step, &sheet));
    polyp_image_free(&sheet);
    return result;
}

status run_figures_epoch(run_figures *f, int64_t step, int epoch, const history_row *row, polyp_predictor *predictor,
                         const dataset *data, const evaluate_row *rows)
{
    if (f->events) TRY(event_noted(f, add_row(f, step, row)));
    return canvas_available() && data->count > 0 ? show_worst(f, step, epoch, predictor, data, rows) : POLYP_OK;
}
