/* Branch and bound over counts: cells with the lowest bound are halved first. */
#include <math.h>

#include "base/memory.h"
#include "score/consistency_impl.h"

enum { CELLS_MOST = 400000, PROOF_CELLS = 20000000 };
#define SETTLED 1e-5 /* a misfit is told to this */

/* ---- a heap of cells ----------------------------------------------------------------------- */

typedef struct node {
    double bound;  /* nothing in the cell is below it */
    double middle; /* of the cell's middle point */
    cell cell;
} node;

typedef struct heap {
    node *nodes; /* [CELLS_MOST], the most promising first: where nothing is known yet, the lowest middle */
    size_t count;
} heap;

static bool before(const node *a, const node *b)
{
    const double first = fmax(a->bound, 0), second = fmax(b->bound, 0);
    return first != second ? first < second : a->middle < b->middle;
}

static void heap_push(heap *h, node n)
{
    size_t i = h->count++;
    for (; i > 0 && before(&n, &h->nodes[(i - 1) / 2]); i = (i - 1) / 2) h->nodes[i] = h->nodes[(i - 1) / 2];
    h->nodes[i] = n;
}

static node heap_pop(heap *h)
{
    const node top = h->nodes[0], last = h->nodes[--h->count];
    size_t i = 0;
    for (size_t child = 1; child < h->count; child = 2 * i + 1) {
        if (child + 1 < h->count && before(&h->nodes[child + 1], &h->nodes[child])) child++;
        if (!before(&h->nodes[child], &last)) break;
        h->nodes[i] = h->nodes[child];
        i = child;
    }
    h->nodes[i] = last;
    return top;
}

/* ---- bounds -------------------------------------------------------------------------------- */

/* How far a span lies beside what a number stands for. */
static double beside(const span *s, const published_number *n)
{
    return fmax(s->low - (n->value + n->half), n->value - n->half - s->high);
}

/* No counts in the cell have a misfit below this; for a point it is the misfit. */
static double misfit_bound(const published_scores *s, const cell *c, enum count_model model)
{
    span metrics[SIX_METRICS];
    double bound = -INFINITY;
    model_bounds(metrics, c, model);
    for (int m = 0; m < SIX_METRICS; m++) {
        if (s->numbers[m].given) bound = fmax(bound, beside(&metrics[m], &s->numbers[m]));
    }
    return bound;
}

/* The same of sum(weights * metrics). */
static double sum_bound(const double weights[SIX_METRICS], const cell *c, enum count_model model)
{
    span metrics[SIX_METRICS];
    double bound = 0;
    model_bounds(metrics, c, model);
    for (int m = 0; m < SIX_METRICS; m++) bound += weights[m] * (weights[m] > 0 ? metrics[m].low : metrics[m].high);
    return bound;
}

static cell middle_of(const cell *c)
{
    cell middle;
    for (int i = 0; i < CELL_SIDES; i++) {
        const double at = (c->sides[i].low + c->sides[i].high) / 2;
        middle.sides[i] = (span){at, at};
    }
    return middle;
}

static int widest(const cell *c, int sides)
{
    int side = 0;
    for (int i = 1; i < sides; i++) {
        if (c->sides[i].high - c->sides[i].low > c->sides[side].high - c->sides[side].low) side = i;
    }
    return side;
}

static void halve(cell *lower, cell *upper, const cell *whole, int sides)
{
    const int side = widest(whole, sides);
    const double at = (whole->sides[side].low + whole->sides[side].high) / 2;
    *lower = *upper = *whole;
    lower->sides[side].high = upper->sides[side].low = at;
}

static const cell everything = {{{0, 1}, {0, 1}, {0, 1}}};

/* ---- the least misfit ---------------------------------------------------------------------- */

/* It lies between them. */
typedef struct misfit_range {
    double low, high;
} misfit_range;

static void push_half(heap *h, misfit_range *f, const published_scores *s, const cell *half, enum count_model model)
{
    const cell point = middle_of(half);
    const double bound = misfit_bound(s, half, model), middle = misfit_bound(s, &point, model);
    f->high = fmin(f->high, middle);
    if (bound < f->high) heap_push(h, (node){bound, middle, *half});
}

/* Until it is known to SETTLED, or counts without misfit are found. */
static misfit_range search_heap(heap *h, const published_scores *s, enum count_model model)
{
    misfit_range f = {misfit_bound(s, &everything, model), INFINITY};
    heap_push(h, (node){f.low, INFINITY, everything});
    while (h->count > 0 && h->count + 2 < CELLS_MOST) {
        cell lower, upper;
        f.low = h->nodes[0].bound;
        if (f.high <= 0 || (f.low > 0 && f.high - f.low < SETTLED)) return f;
        const node n = heap_pop(h);
        halve(&lower, &upper, &n.cell, model_sides(model));
        push_half(h, &f, s, &lower, model);
        push_half(h, &f, s, &upper, model);
    }
    if (h->count == 0) f.low = f.high; /* every other cell was above it */
    return f;
}

status search_counts(consistency *out, const published_scores *scores, enum count_model model)
{
    heap h = {0};
    TRY(memory_new(&h.nodes, CELLS_MOST));
    const misfit_range f = search_heap(&h, scores, model);
    memory_free(h.nodes);
    *out = (consistency){VERDICT_OPEN, fmax(0, f.low)};
    if (f.high <= 0) *out = (consistency){VERDICT_POSSIBLE, 0};
    else if (f.low > 0) out->verdict = VERDICT_IMPOSSIBLE;
    return POLYP_OK;
}

/* ---- proofs -------------------------------------------------------------------------------- */

typedef struct proof {
    const double *weights;
    double least;
    enum count_model model;
    long cells_left;
} proof;

/* Every cell must be looked at, so the order does not matter: depth first needs no memory. */
static bool above_in(proof *p, const cell *c)
{
    const cell point = middle_of(c);
    cell lower, upper;
    if (sum_bound(p->weights, c, p->model) > p->least) return true;
    if (--p->cells_left < 0 || sum_bound(p->weights, &point, p->model) <= p->least) return false;
    halve(&lower, &upper, c, model_sides(p->model));
    return above_in(p, &lower) && above_in(p, &upper);
}

bool search_above(const double weights[SIX_METRICS], double least, enum count_model model)
{
    proof p = {weights, least, model, PROOF_CELLS};
    return above_in(&p, &everything);
}
