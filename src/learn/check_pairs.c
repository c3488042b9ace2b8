/* Pictures stored twice, or nearly: within a set, across splits, across sets; and whether their masks agree. */
#include <math.h>
#include <string.h>

#include "base/thread.h"
#include "learn/ahead.h"
#include "learn/check_impl.h"
#include "learn/dataset.h"
#include "media/augment.h"
#include "media/image.h"
#include "media/resize.h"

/* ---- which splits are compared -------------------------------------------------------------- */

/* "fold0.train" -> the length of "fold0"; 0 without a dot. */
static size_t division_length(const char *list)
{
    const char *const dot = strrchr(list, '.');
    return dot ? (size_t)(dot - list) : 0;
}

static bool same_division(const char *a, const char *b)
{
    const size_t length = division_length(a);
    return length == division_length(b) && strncmp(a, b, length) == 0;
}

/* Does every picture of `inner` lie in `outer`? */
static bool lies_within(const check_report *r, const check_split *inner, const check_split *outer)
{
    for (size_t i = 0; i < r->count; i++)
        if (inner->member[i] && !outer->member[i]) return false;
    return true;
}

bool check_compared(const check_report *r, size_t a, size_t b)
{
    const check_split *const x = &r->splits[a], *const y = &r->splits[b];
    if (a == b) return false;
    if (x->set != y->set) return !x->list && !y->list;
    if (!x->list || !y->list || !same_division(x->list, y->list)) return false;
    return !lies_within(r, x, y) && !lies_within(r, y, x);
}

/* ---- the nearest picture -------------------------------------------------------------------- */

/* Which pictures are looked at from which: one job for the inside of a set or for two splits. */
typedef struct search {
    const check_report *report;
    const bool *from, *among; /* [pictures] */
    const bool *apart;        /* [splits][splits]: told as leaks; NULL: a search across */
} search;

typedef struct nearest {
    size_t place; /* CHECK_NONE: none is near */
    double distance;
} nearest;

/* Do two pictures of one set lie on both sides of some division? Then the pair is a leak and told there. */
static bool lie_apart(const search *s, size_t i, size_t j)
{
    const check_report *const r = s->report;
    for (size_t a = 0; a < r->split_count; a++) {
        for (size_t b = 0; b < r->split_count && r->splits[a].member[i]; b++) {
            if (s->apart[a * r->split_count + b] && r->splits[b].member[j]) return true;
        }
    }
    return false;
}

/* Within a set only earlier pictures are looked at, so that each pair is told once. */
static bool may_pair(const search *s, size_t i, size_t j)
{
    if (i == j || !s->among[j] || !s->report->pictures[j].image_read) return false;
    if (s->apart) return j < i;
    return !s->from[j] && !s->among[i]; /* what both name is an overlap */
}

static nearest find_nearest(const search *s, size_t i)
{
    const check_picture *const all = s->report->pictures;
    nearest best = {CHECK_NONE, INFINITY};
    if (!s->from[i] || !all[i].image_read) return best;
    for (size_t j = 0; j < s->report->count; j++) {
        if (!may_pair(s, i, j) || !signature_near(&all[i].signature, &all[j].signature)) continue;
        const double distance = signature_distance(&all[i].signature, &all[j].signature);
        if (distance < best.distance && !(s->apart && lie_apart(s, i, j))) best = (nearest){j, distance};
    }
    return best;
}

static void search_all(nearest *out, const search *s, int threads)
{
    const size_t count = s->report->count;
#pragma omp parallel for schedule(dynamic, 16) num_threads(threads)
    for (size_t i = 0; i < count; i++) out[i] = find_nearest(s, i);
}

static status tell_nearest(check_work *w, const nearest *found, enum check_kind kind, size_t split, size_t other)
{
    check_report *const r = w->report;
    for (size_t i = 0; i < r->count; i++) {
        if (found[i].place == CHECK_NONE) continue;
        const check_picture *const p = &r->pictures[i], *const q = &r->pictures[found[i].place];
        check_finding f = check_new(kind);
        f.picture = i;
        f.other = found[i].place;
        f.split = split;
        f.other_split = other;
        f.distance = found[i].distance;
        f.exact = p->pixels == q->pixels;
        /* beyond that stand frames of one scene, and mere likenesses */
        const bool same_frame = f.exact || f.distance <= CHECK_SAME_FRAME;
        const char *const is = same_frame ? "is" : "looks like";
        const char *const near = f.exact ? "the same pixels" : same_frame ? "nearly the same" : "perhaps one scene";
        if (kind == CHECK_LEAK) {
            TRY(check_add(w, f, "%s (%s) %s %s (%s): %s, distance %.1f", p->stem, r->splits[split].name, is,
                          q->stem, r->splits[other].name, near, f.distance));
        } else {
            TRY(check_add(w, f, "%s %s %s: %s, distance %.1f", p->stem, is, q->stem, near, f.distance));
        }
    }
    return POLYP_OK;
}

/* ---- within and across ---------------------------------------------------------------------- */

static status pairs_within(check_work *w, nearest *found, const bool *apart)
{
    const check_report *const r = w->report;
    for (size_t s = 0; s < r->split_count; s++) {
        const check_split *const whole = &r->splits[s];
        if (whole->list) continue;
        const search job = {r, whole->member, whole->member, apart};
        search_all(found, &job, w->threads);
        TRY(tell_nearest(w, found, CHECK_DUPLICATE, s, CHECK_NONE));
    }
    return POLYP_OK;
}

static status tell_overlap(check_work *w, size_t a, size_t b)
{
    const check_report *const r = w->report;
    for (size_t i = 0; i < r->count; i++) {
        if (!r->splits[a].member[i] || !r->splits[b].member[i]) continue;
        check_finding f = check_new(CHECK_OVERLAP);
        f.picture = i;
        f.split = a;
        f.other_split = b;
        TRY(check_add(w, f, "%s is in %s and in %s", r->pictures[i].stem, r->splits[a].name, r->splits[b].name));
    }
    return POLYP_OK;
}

/* The first picture of `split` whose group is `group`; CHECK_NONE. */
static size_t first_of_group(const check_report *r, const check_split *split, int group)
{
    for (size_t i = 0; i < r->count; i++)
        if (split->member[i] && r->pictures[i].group == group) return i;
    return CHECK_NONE;
}

/* A declared group with pictures on both sides is told once, by its first picture on each. */
static status tell_groups(check_work *w, size_t a, size_t b)
{
    const check_report *const r = w->report;
    for (size_t i = 0; i < r->count; i++) {
        const int group = r->pictures[i].group;
        if (!r->splits[a].member[i] || group < 0 || first_of_group(r, &r->splits[a], group) != i) continue;
        check_finding f = check_new(CHECK_GROUP);
        f.picture = i;
        f.other = first_of_group(r, &r->splits[b], group);
        f.split = a;
        f.other_split = b;
        if (f.other == CHECK_NONE) continue;
        TRY(check_add(w, f, "%s (%s) and %s (%s) are of one group", r->pictures[i].stem, r->splits[a].name,
                      r->pictures[f.other].stem, r->splits[b].name));
    }
    return POLYP_OK;
}

/* "train", "fold0.train": what is learnt from. */
static bool is_learnt(const check_split *s)
{
    const size_t length = s->list ? strlen(s->list) : 0;
    return length >= 5 && strcmp(s->list + length - 5, "train") == 0;
}

/* A leak is told from the side that is scored: not `train`, else the smaller. */
static bool is_scored(const check_split *s, const check_split *other)
{
    if (is_learnt(s) != is_learnt(other)) return !is_learnt(s);
    return s->count < other->count;
}

static status pairs_across(check_work *w, nearest *found, const bool *apart)
{
    const check_report *const r = w->report;
    for (size_t a = 0; a < r->split_count; a++) {
        for (size_t b = a + 1; b < r->split_count; b++) {
            if (!apart[a * r->split_count + b]) continue;
            const bool first = is_scored(&r->splits[a], &r->splits[b]);
            const size_t scored = first ? a : b, other = first ? b : a;
            const search job = {r, r->splits[scored].member, r->splits[other].member, NULL};
            search_all(found, &job, w->threads);
            TRY(tell_overlap(w, scored, other));
            TRY(tell_groups(w, scored, other));
            TRY(tell_nearest(w, found, CHECK_LEAK, scored, other));
        }
    }
    return POLYP_OK;
}

/* ---- their masks ---------------------------------------------------------------------------- */

enum { GRID = 256 };

/* The mask inside the picture's lit part, squished to GRID x GRID: the same frame with and without black borders. */
static status read_lit_mask(polyp_image *out, const check_picture *p, int ignore)
{
    const sample s = check_sample(p, ignore);
    polyp_image mask = {0}, cut = {0};
    status result;
    TRY(sample_read(NULL, &mask, &s));
    TRY_DONE(image_create(&cut, p->lit.right - p->lit.left, p->lit.bottom - p->lit.top, 1));
    for (int y = 0; y < cut.height; y++) {
        memcpy(cut.pixels + (size_t)y * (size_t)cut.width,
               mask.pixels + (size_t)(y + p->lit.top) * (size_t)mask.width + (size_t)p->lit.left, (size_t)cut.width);
    }
    TRY_DONE(resize_nearest(out, &cut, GRID, GRID));
done:
    polyp_image_free(&mask);
    polyp_image_free(&cut);
    return result;
}

/* Two masks without a polyp agree. */
static double jaccard_of(const polyp_image *a, const polyp_image *b)
{
    size_t both = 0, either = 0;
    for (size_t i = 0; i < (size_t)GRID * GRID; i++) {
        both += a->pixels[i] == MASK_POLYP && b->pixels[i] == MASK_POLYP;
        either += a->pixels[i] == MASK_POLYP || b->pixels[i] == MASK_POLYP;
    }
    return either == 0 ? 1 : (double)both / (double)either;
}

typedef struct comparing {
    const check_report *report;
    int ignore;          /* a sample's */
    const size_t *pairs; /* places of findings */
    double *jaccard;     /* of each */
} comparing;

/* Runs on a worker. A file that has gone since leaves NaN. */
static status compare_masks(void *context, size_t number, size_t slot)
{
    (void)slot;
    const comparing *const c = context;
    const check_finding *const f = &c->report->findings[c->pairs[number]];
    polyp_image a = {0}, b = {0};
    status result = read_lit_mask(&a, &c->report->pictures[f->picture], c->ignore);
    if (result == POLYP_OK) result = read_lit_mask(&b, &c->report->pictures[f->other], c->ignore);
    c->jaccard[number] = result == POLYP_OK ? jaccard_of(&a, &b) : NAN;
    polyp_image_free(&a);
    polyp_image_free(&b);
    return result == POLYP_ERR_MEMORY ? result : POLYP_OK;
}

static size_t list_pairs(size_t *pairs, const check_report *r)
{
    size_t count = 0;
    for (size_t i = 0; i < r->finding_count; i++) {
        const check_finding *const f = &r->findings[i];
        if (f->kind != CHECK_LEAK && f->kind != CHECK_DUPLICATE) continue;
        if (r->pictures[f->picture].mask_good && r->pictures[f->other].mask_good) pairs[count++] = i;
    }
    return count;
}

static status tell_jaccard(check_work *w, size_t place, double jaccard)
{
    check_report *const r = w->report;
    check_finding pair = r->findings[place];
    r->findings[place].jaccard = pair.jaccard = jaccard;
    if (!(jaccard < CHECK_DISAGREE && (pair.exact || pair.distance <= CHECK_SAME_FRAME))) return POLYP_OK;
    pair.kind = CHECK_MASKS_DISAGREE;
    return check_add(w, pair, "%s and %s: Jaccard %.2f", r->pictures[pair.picture].stem, r->pictures[pair.other].stem,
                     jaccard);
}

static status compare_all(check_work *w, const size_t *pairs, double *jaccard, size_t count)
{
    comparing context = {w->report, w->settings->ignore > 0 ? w->settings->ignore : -1, pairs, jaccard};
    ahead *jobs = NULL;
    status result;
    TRY(ahead_open(&jobs, compare_masks, &context, count, 2 * (size_t)w->threads + 1, w->threads));
    for (size_t i = 0; i < count; i++) {
        size_t slot;
        TRY_DONE(ahead_next(jobs, &slot));
        TRY_DONE(check_tell(w, "compare", i + 1, count));
    }
    result = POLYP_OK;
done:
    ahead_close(jobs);
    return result;
}

static status pairs_masks(check_work *w)
{
    size_t *pairs = NULL;
    double *jaccard = NULL;
    status result;
    TRY_DONE(memory_new(&pairs, w->report->finding_count));
    const size_t count = list_pairs(pairs, w->report);
    TRY_DONE(memory_new(&jaccard, count));
    TRY_DONE(compare_all(w, pairs, jaccard, count));
    for (size_t i = 0; i < count; i++) TRY_DONE(tell_jaccard(w, pairs[i], jaccard[i]));
done:
    memory_free(pairs);
    memory_free(jaccard);
    return result;
}

status check_pairs(check_work *w)
{
    const check_report *const r = w->report;
    bool *apart = NULL;
    nearest *found = NULL;
    status result;
    TRY_DONE(memory_new(&apart, r->split_count * r->split_count));
    TRY_DONE(memory_new(&found, r->count));
    for (size_t a = 0; a < r->split_count; a++)
        for (size_t b = 0; b < r->split_count; b++) apart[a * r->split_count + b] = check_compared(r, a, b);
    TRY_DONE(pairs_across(w, found, apart));
    TRY_DONE(pairs_within(w, found, apart));
    TRY_DONE(pairs_masks(w));
done:
    memory_free(apart);
    memory_free(found);
    return result;
}
