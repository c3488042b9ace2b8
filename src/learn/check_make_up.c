/* What splits are made of: medians and shares of each, and where two that belong together differ beyond chance. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "learn/check_impl.h"

/* ---- facts of one split --------------------------------------------------------------------- */

static int compare_numbers(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Nearest rank of sorted values; NaN of none. */
static double percentile(const double *sorted, size_t count, double share)
{
    if (count == 0) return NAN;
    const double place = ceil(share * (double)count);
    return sorted[place < 1 ? 0 : (size_t)place - 1];
}

typedef double (*picture_value)(const check_picture *p);

static double width_of(const check_picture *p)
{
    return p->image_read ? (double)p->width : (double)NAN;
}

static double height_of(const check_picture *p)
{
    return p->image_read ? (double)p->height : (double)NAN;
}

static double pixels_of(const check_picture *p)
{
    return p->image_read ? (double)p->width * (double)p->height : NAN;
}

static double share_of(const check_picture *p)
{
    return p->mask_good && p->parts > 0 ? p->polyp_share : NAN;
}

/* Values of a split's members that are numbers, sorted; `out` has room for all pictures. */
static size_t gather(double *out, const check_report *r, size_t split, picture_value value)
{
    size_t count = 0;
    for (size_t i = 0; i < r->count; i++) {
        if (!r->splits[split].member[i]) continue;
        const double v = value(&r->pictures[i]);
        if (!isnan(v)) out[count++] = v;
    }
    qsort(out, count, sizeof *out, compare_numbers);
    return count;
}

static void count_facts(check_facts *f, const check_report *r, const check_split *s)
{
    for (size_t i = 0; i < r->count; i++) {
        const check_picture *const p = &r->pictures[i];
        if (!s->member[i]) continue;
        f->pictures++;
        f->read += p->image_read;
        f->masks += p->mask_good;
        f->bordered += p->bordered;
        f->boxed += p->box.right > 0;
        f->blanked += p->blanked_box.right > 0;
        f->grey += p->grey;
        f->empty += p->mask_good && p->parts == 0;
    }
}

status check_facts_of(check_facts *out, const check_report *r, size_t split)
{
    check_facts f = {0};
    double *values;
    TRY(memory_new(&values, r->count));
    count_facts(&f, r, &r->splits[split]);
    f.width = percentile(values, gather(values, r, split, width_of), 0.5);
    f.height = percentile(values, gather(values, r, split, height_of), 0.5);
    const size_t count = gather(values, r, split, share_of);
    f.share_5 = percentile(values, count, 0.05);
    f.share_50 = percentile(values, count, 0.5);
    f.share_95 = percentile(values, count, 0.95);
    memory_free(values);
    *out = f;
    return POLYP_OK;
}

/* ---- two splits compared -------------------------------------------------------------------- */

/* Chance alone goes beyond both limits once in a thousand comparisons of like splits. */
static const double Z_LIMIT = 3.29, KOLMOGOROV_LIMIT = 1.949;
static const double SHARE_LEAST = 0.05; /* and differences that small are not worth a word */

/* Two-proportion z-test with a pooled share. */
static bool shares_differ(size_t a, size_t n, size_t b, size_t m)
{
    if (n == 0 || m == 0) return false;
    const double x = (double)a / (double)n, y = (double)b / (double)m;
    const double pooled = (double)(a + b) / (double)(n + m);
    const double error = sqrt(pooled * (1 - pooled) * (1 / (double)n + 1 / (double)m));
    return error > 0 && fabs(x - y) >= SHARE_LEAST && fabs(x - y) > Z_LIMIT * error;
}

/* The two-sample Kolmogorov-Smirnov distance of sorted values. */
static double distribution_distance(const double *a, size_t n, const double *b, size_t m)
{
    double largest = 0;
    for (size_t i = 0, j = 0; i < n && j < m;) {
        const double here = a[i] < b[j] ? a[i] : b[j];
        while (i < n && a[i] <= here) i++;
        while (j < m && b[j] <= here) j++;
        largest = fmax(largest, fabs((double)i / (double)n - (double)j / (double)m));
    }
    return largest;
}

static bool distributions_differ(const double *a, size_t n, const double *b, size_t m)
{
    if (n == 0 || m == 0) return false;
    const double limit = KOLMOGOROV_LIMIT * sqrt((double)(n + m) / ((double)n * (double)m));
    return distribution_distance(a, n, b, m) > limit;
}

static check_finding difference(size_t a, size_t b)
{
    check_finding f = check_new(CHECK_MAKE_UP);
    f.split = a;
    f.other_split = b;
    return f;
}

static status tell_share(check_work *w, size_t a, size_t b, const char *what, const size_t counts[4])
{
    const check_report *const r = w->report;
    if (!shares_differ(counts[0], counts[1], counts[2], counts[3])) return POLYP_OK;
    return check_add(w, difference(a, b), "%s: %.1f %% of %s (%zu of %zu), %.1f %% of %s (%zu of %zu)", what,
                     100.0 * (double)counts[0] / (double)counts[1], r->splits[a].name, counts[0], counts[1],
                     100.0 * (double)counts[2] / (double)counts[3], r->splits[b].name, counts[2], counts[3]);
}

static status compare_shares(check_work *w, size_t a, size_t b)
{
    check_facts f, g;
    TRY(check_facts_of(&f, w->report, a));
    TRY(check_facts_of(&g, w->report, b));
    TRY(tell_share(w, a, b, "black borders", (size_t[]){f.bordered, f.read, g.bordered, g.read}));
    TRY(tell_share(w, a, b, "green position pictures", (size_t[]){f.boxed, f.read, g.boxed, g.read}));
    TRY(tell_share(w, a, b, "corners painted black", (size_t[]){f.blanked, f.read, g.blanked, g.read}));
    TRY(tell_share(w, a, b, "pictures without colour", (size_t[]){f.grey, f.read, g.grey, g.read}));
    return tell_share(w, a, b, "pictures without a polyp", (size_t[]){f.empty, f.masks, g.empty, g.masks});
}

/* `unit` of a value as it is printed. */
static status compare_values(check_work *w, size_t a, size_t b, picture_value value, const char *what, double unit)
{
    const check_report *const r = w->report;
    double *x = NULL, *y = NULL;
    status result;
    TRY_DONE(memory_new(&x, r->count));
    TRY_DONE(memory_new(&y, r->count));
    const size_t n = gather(x, r, a, value), m = gather(y, r, b, value);
    if (distributions_differ(x, n, y, m)) {
        TRY_DONE(check_add(w, difference(a, b),
                           "%s, 5 / 50 / 95 %%: %.4g / %.4g / %.4g of %s, %.4g / %.4g / %.4g of %s", what,
                           percentile(x, n, 0.05) / unit, percentile(x, n, 0.5) / unit, percentile(x, n, 0.95) / unit,
                           r->splits[a].name, percentile(y, m, 0.05) / unit, percentile(y, m, 0.5) / unit,
                           percentile(y, m, 0.95) / unit, r->splits[b].name));
    }
done:
    memory_free(x);
    memory_free(y);
    return result;
}

status check_make_up(check_work *w)
{
    const check_report *const r = w->report;
    for (size_t a = 0; a < r->split_count; a++) {
        for (size_t b = a + 1; b < r->split_count; b++) {
            if (!check_compared(r, a, b)) continue;
            TRY(compare_shares(w, a, b));
            TRY(compare_values(w, a, b, share_of, "the polyp's share of the picture in per cent", 0.01));
            TRY(compare_values(w, a, b, pixels_of, "megapixels", 1e6));
        }
    }
    return POLYP_OK;
}
