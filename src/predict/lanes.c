/* The first predictor and its twins. */
#include "predict/lanes.h"

#include "base/thread.h"

_Static_assert(PREDICTOR_SLOTS >= 3 * LANES_MOST + 2, "every slot of a pipeline with all lanes (pipeline_slots())");

static int resolve(int threads)
{
    return threads > 0 ? threads : processor_count();
}

/* Of each lane. */
static int threads_each(int threads, size_t pictures)
{
    const int all = resolve(threads);
    int most = all < LANES_MOST ? all : LANES_MOST;
    if (pictures < (size_t)most) most = pictures > 0 ? (int)pictures : 1;
    return (all + most - 1) / most;
}

int lanes_count(int threads, size_t pictures)
{
    return resolve(threads) / threads_each(threads, pictures);
}

status lanes_open(lanes *out, const polyp_model *const *models, size_t count, const polyp_predictor_options *options,
                  double threshold, size_t pictures)
{
    polyp_predictor_options of_lane = *options;
    *out = (lanes){0};
    if (options->threads >= 0) of_lane.threads = threads_each(options->threads, pictures);
    TRY(predictor_open_models(&out->items[0], models, count, &of_lane, resolve(options->threads)));
    out->count = 1;
    TRY(predictor_set_threshold(out->items[0], threshold));
    for (const int wanted = lanes_count(options->threads, pictures); out->count < wanted; out->count++)
        TRY(predictor_twin(&out->items[out->count], out->items[0]));
    return POLYP_OK;
}

void lanes_close(lanes *l)
{
    while (l->count > 0) polyp_predictor_close(l->items[--l->count]);
}
