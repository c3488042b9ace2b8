/* The losses: their numbers, their memory, and how sums become a value and slopes. */
#include "net/loss.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "net/loss_impl.h"

loss_spec loss_defaults(void)
{
    return (loss_spec){.kind = LOSS_BCE,
                       .smooth = 1,
                       .dice = 1,
                       .gamma = 2,
                       .balance = 0.25,
                       .alpha = 0.3,
                       .beta = 0.7,
                       .border = 5,
                       .radius = 15};
}

/* ---- life ------------------------------------------------------------------------------------------- */

static bool has_border(const loss_function *l)
{
    return l->spec.kind == LOSS_STRUCTURE || l->spec.kind == LOSS_STRUCTURE_INTENDED;
}

static status make_room(loss_function *l)
{
    const size_t pictures = (size_t)l->room.n, all = shape_count(l->room);
    TRY(memory_new(&l->slices, pictures * LOSS_SLICES));
    TRY(memory_new(&l->pictures, pictures));
    if (has_border(l)) {
        TRY(memory_new(&l->weights, all));
        TRY(memory_new(&l->columns, pictures * (size_t)l->room.w));
    }
    if (l->spec.kind != LOSS_LOVASZ) return POLYP_OK;
    TRY(memory_new(&l->values, pictures));
    return memory_new(&l->items, 2 * all);
}

status loss_open(loss_function **out, const loss_spec *spec, shape logits)
{
    loss_function *l = NULL;
    TRY(memory_new(&l, 1));
    l->spec = *spec;
    l->room = logits;
    const status result = make_room(l);
    if (result == POLYP_OK) {
        *out = l;
    } else {
        loss_close(l);
    }
    return result;
}

void loss_close(loss_function *l)
{
    if (l == NULL) return;
    memory_free(l->slices);
    memory_free(l->pictures);
    memory_free(l->weights);
    memory_free(l->columns);
    memory_free(l->items);
    memory_free(l->values);
    memory_free(l);
}

/* ---- pictures and slices ---------------------------------------------------------------------------- */

typedef struct batch_view {
    const tensor *logits, *masks;
    float *gradient;       /* NULL: not wanted */
    int pictures;
    size_t pixels;         /* of one picture */
} batch_view;

static pixels picture_of(const loss_function *l, const batch_view *b, size_t n)
{
    const size_t start = n * b->pixels;
    return (pixels){.logits = b->logits->data + start,
                    .masks = b->masks->data + start,
                    .weights = l->weights != NULL ? l->weights + start : NULL,
                    .count = b->pixels};
}

/* Slice k of all pictures' slices, and where its gradient starts. */
static pixels slice_of(const loss_function *l, const batch_view *b, size_t k, size_t *start)
{
    const size_t first = b->pixels * (k % LOSS_SLICES) / LOSS_SLICES;
    const size_t end = b->pixels * (k % LOSS_SLICES + 1) / LOSS_SLICES;
    pixels p = picture_of(l, b, k / LOSS_SLICES);
    p.logits += first;
    p.masks += first;
    if (p.weights != NULL) p.weights += first;
    p.count = end - first;
    *start = k / LOSS_SLICES * b->pixels + first;
    return p;
}

static void add_sums(loss_sums *to, const loss_sums *s)
{
    to->count += s->count;
    to->cross_entropy += s->cross_entropy;
    to->weight += s->weight;
    to->weighted_cross_entropy += s->weighted_cross_entropy;
    to->overlap += s->overlap;
    to->predicted += s->predicted;
    to->labelled += s->labelled;
    to->poison += s->poison;
}

static void weigh_pictures(const loss_function *l, const batch_view *b)
{
    const int h = b->logits->shape.h, w = b->logits->shape.w;
    PARALLEL_FOR
    for (int n = 0; n < b->pictures; n++) {
        const size_t i = (size_t)n;
        border_weights(l->weights + i * b->pixels, b->masks->data + i * b->pixels, h, w, &l->spec,
                       l->columns + i * (size_t)w);
    }
}

/* The sums of every picture; returns those of the batch. */
static loss_sums sum_up(const loss_function *l, const batch_view *b)
{
    if (has_border(l)) weigh_pictures(l, b);
    const int slices = b->pictures * LOSS_SLICES;
    PARALLEL_FOR
    for (int k = 0; k < slices; k++) {
        size_t start;
        const pixels p = slice_of(l, b, (size_t)k, &start);
        if (l->spec.kind == LOSS_FOCAL) {
            focal_sums(&l->slices[k], &p, &l->spec);
        } else {
            overlap_sums(&l->slices[k], &p);
        }
    }
    loss_sums batch = {0};
    for (int n = 0; n < b->pictures; n++) {
        l->pictures[n] = (loss_sums){0};
        for (int k = 0; k < LOSS_SLICES; k++) add_sums(&l->pictures[n], &l->slices[n * LOSS_SLICES + k]);
        add_sums(&batch, &l->pictures[n]);
    }
    return batch;
}

/* ---- from sums to value and slopes ------------------------------------------------------------------ */

/* 1 - (I + smooth) / (I + alpha (P - I) + beta (T - I) + smooth): Dice has 1/2 and 1/2, the Jaccard index 1 and 1. */
typedef struct overlap_index {
    double alpha, beta, smooth, weight; /* weight 0: no such part */
} overlap_index;

static overlap_index index_of(const loss_spec *spec)
{
    switch (spec->kind) {
    case LOSS_DICE: return (overlap_index){0.5, 0.5, spec->smooth / 2, 1};
    case LOSS_BCE_DICE: return (overlap_index){0.5, 0.5, spec->smooth / 2, spec->dice};
    case LOSS_TVERSKY: return (overlap_index){spec->alpha, spec->beta, spec->smooth, 1};
    case LOSS_STRUCTURE:
    case LOSS_STRUCTURE_INTENDED: return (overlap_index){1, 1, spec->smooth, 1};
    default: return (overlap_index){0};
    }
}

/* Weight of the batch's mean cross-entropy. */
static double plain_share(enum loss_kind kind)
{
    return kind == LOSS_BCE || kind == LOSS_BCE_DICE || kind == LOSS_FOCAL || kind == LOSS_STRUCTURE ? 1 : 0;
}

/* One over a sum, or 0 where nothing was counted. */
static double one_over(double sum)
{
    return sum > 0 ? 1 / sum : 0;
}

static double overlap_part(loss_slopes *k, const overlap_index *x, const loss_sums *s, double pictures)
{
    const double both = 1 - x->alpha - x->beta;
    const double top = s->overlap + x->smooth;
    const double bottom = both * s->overlap + x->alpha * s->predicted + x->beta * s->labelled + x->smooth;
    const double share = x->weight / pictures;
    k->label = -share * (bottom - top * both) / (bottom * bottom);
    k->constant = share * top * x->alpha / (bottom * bottom);
    return share * (1 - top / bottom);
}

/* One picture's share of the loss, and the slopes of its gradient. */
static double picture_share(loss_slopes *k, const loss_function *l, const loss_sums *s, const loss_sums *batch, double pictures)
{
    const overlap_index x = index_of(&l->spec);
    *k = (loss_slopes){.pixel = plain_share(l->spec.kind) * one_over(batch->count)};
    double value = k->pixel * s->cross_entropy;
    if (l->spec.kind == LOSS_STRUCTURE_INTENDED) {
        k->weighted = one_over(s->weight) / pictures;
        value += k->weighted * s->weighted_cross_entropy;
    }
    if (x.weight > 0) value += overlap_part(k, &x, s, pictures);
    return value + s->poison;
}

static void write_gradient(const loss_function *l, const batch_view *b, const loss_sums *batch)
{
    const int slices = b->pictures * LOSS_SLICES;
    PARALLEL_FOR
    for (int k = 0; k < slices; k++) {
        size_t start;
        loss_slopes slopes;
        const pixels p = slice_of(l, b, (size_t)k, &start);
        (void)picture_share(&slopes, l, &l->pictures[k / LOSS_SLICES], batch, b->pictures);
        if (l->spec.kind == LOSS_FOCAL) {
            focal_gradient(b->gradient + start, &p, slopes.pixel, &l->spec);
        } else {
            overlap_gradient(b->gradient + start, &p, &slopes);
        }
    }
}

static double compute_by_sums(const loss_function *l, const batch_view *b)
{
    const loss_sums batch = sum_up(l, b);
    if (b->gradient != NULL) write_gradient(l, b, &batch);
    double value = 0;
    for (int n = 0; n < b->pictures; n++) {
        loss_slopes slopes;
        value += picture_share(&slopes, l, &l->pictures[n], &batch, b->pictures);
    }
    return value;
}

static double compute_lovasz(const loss_function *l, const batch_view *b)
{
    const double scale = 1.0 / b->pictures;
    PARALLEL_FOR
    for (int n = 0; n < b->pictures; n++) {
        const size_t start = (size_t)n * b->pixels;
        const pixels p = picture_of(l, b, (size_t)n);
        float *const gradient = b->gradient != NULL ? b->gradient + start : NULL;
        l->values[n] = lovasz_picture(gradient, &p, scale, l->items + 2 * start);
    }
    double value = 0;
    for (int n = 0; n < b->pictures; n++) value += l->values[n] * scale;
    return value;
}

double loss_compute(loss_function *l, tensor *gradient, const tensor *logits, const tensor *masks)
{
    const shape s = logits->shape;
    assert(s.c == 1 && shape_count(s) > 0 && memcmp(&s, &masks->shape, sizeof s) == 0);
    assert(s.n <= l->room.n && s.h <= l->room.h && s.w <= l->room.w);
    const batch_view b = {.logits = logits,
                          .masks = masks,
                          .gradient = gradient != NULL ? gradient->data : NULL,
                          .pictures = s.n,
                          .pixels = (size_t)s.h * (size_t)s.w};
    return l->spec.kind == LOSS_LOVASZ ? compute_lovasz(l, &b) : compute_by_sums(l, &b);
}

/* ---- coarser masks ---------------------------------------------------------------------------------- */

/* Mean of the block whose first pixel is `masks`, over what is not ignored. */
static float block_mean(const float *masks, size_t row, int h, int w)
{
    double sum = 0, count = 0;
    for (int y = 0; y < h; y++) {
        for (int x = 0; x < w; x++) {
            const float t = masks[(size_t)y * row + (size_t)x];
            sum += t < 0 ? 0 : (double)t;
            count += t < 0 ? 0 : 1;
        }
    }
    return count > 0 ? (float)(sum / count) : -1;
}

void loss_shrink_masks(tensor *out, const tensor *masks)
{
    const shape small = out->shape, large = masks->shape;
    assert(small.n == large.n && small.c == 1 && large.c == 1 && large.h % small.h == 0 && large.w % small.w == 0);
    const int h = large.h / small.h, w = large.w / small.w, rows = small.n * small.h;
    const size_t row = (size_t)large.w;
    PARALLEL_FOR
    for (int y = 0; y < rows; y++) {
        const float *const from = masks->data + (size_t)y * (size_t)h * row;
        float *const to = out->data + (size_t)y * (size_t)small.w;
        for (int x = 0; x < small.w; x++) to[x] = block_mean(from + (size_t)x * (size_t)w, row, h, w);
    }
}
