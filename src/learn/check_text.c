/* A check as text: the splits as a table, then what was found, the worst first. */
#include <math.h>
#include <string.h>

#include "learn/check_impl.h"

static const char *const level_names[CHECK_LEVELS] = {"error", "warning", "note"};

static double percent(size_t count, size_t of)
{
    return of > 0 ? 100.0 * (double)count / (double)of : 0.0;
}

/* ---- splits --------------------------------------------------------------------------------- */

static int longest_name(const check_report *r)
{
    size_t longest = strlen("split");
    for (size_t i = 0; i < r->split_count; i++) {
        const size_t length = strlen(r->splits[i].name);
        if (length > longest) longest = length;
    }
    return longest < 40 ? (int)longest : 40;
}

static status print_split(const check_report *r, size_t split, int width, FILE *to)
{
    check_facts f;
    char size[48] = "-", share[64] = "-";
    TRY(check_facts_of(&f, r, split));
    if (f.read > 0) (void)snprintf(size, sizeof size, "%.0f x %.0f", f.width, f.height);
    if (!isnan(f.share_50)) {
        (void)snprintf(share, sizeof share, "%.1f (%.1f to %.1f)", 100 * f.share_50, 100 * f.share_5, 100 * f.share_95);
    }
    (void)fprintf(to, "%-*.40s %8zu  %-12s %-22s %7zu %7.1f %7.1f\n", width, r->splits[split].name, f.pictures, size,
                  share, f.empty, percent(f.bordered, f.read), percent(f.boxed, f.read));
    return POLYP_OK;
}

static status print_splits(const check_report *r, FILE *to)
{
    const int width = longest_name(r);
    (void)fprintf(to, "%-*s %8s  %-12s %-22s %7s %7s %7s\n", width, "", "", "median", "polyp, % of picture", "without",
                  "black", "green");
    (void)fprintf(to, "%-*s %8s  %-12s %-22s %7s %7s %7s\n", width, "split", "pictures", "size", "median (5 to 95 %)",
                  "polyp", "border%", "box %");
    for (size_t i = 0; i < r->split_count; i++) TRY(print_split(r, i, width, to));
    return POLYP_OK;
}

/* ---- findings ------------------------------------------------------------------------------- */

/* The first of a kind; they stand together. */
static const check_finding *first_of(const check_report *r, enum check_kind kind)
{
    size_t place = 0;
    for (int k = 0; k < (int)kind; k++) place += r->counts[k];
    return r->findings + place;
}

static void print_kind(const check_report *r, enum check_kind kind, size_t shown, FILE *to)
{
    const size_t count = r->counts[kind];
    const bool all = shown == 0 || shown >= count, note = check_kinds[kind].level == CHECK_NOTE;
    const size_t listed = all ? count : note ? 0 : shown;
    const check_finding *const found = first_of(r, kind);
    (void)fprintf(to, "%-7s %5zu  %s\n", level_names[check_kinds[kind].level], count, check_kinds[kind].title);
    for (size_t i = 0; i < listed; i++) {
        (void)fprintf(to, "               %s", found[i].words);
        if (!isnan(found[i].jaccard) && kind != CHECK_MASKS_DISAGREE) {
            (void)fprintf(to, "; Jaccard of the masks %.2f", found[i].jaccard);
        }
        (void)fprintf(to, "\n");
    }
    if (0 < listed && listed < count) (void)fprintf(to, "               and %zu more\n", count - listed);
}

static size_t count_read(const check_report *r)
{
    size_t count = 0;
    for (size_t i = 0; i < r->count; i++) count += r->pictures[i].image_read;
    return count;
}

status check_print(const check_report *r, size_t shown, FILE *to)
{
    TRY(print_splits(r, to));
    (void)fprintf(to, "\n");
    for (int kind = 0; kind < CHECK_KINDS; kind++) {
        if (r->counts[kind] > 0) print_kind(r, (enum check_kind)kind, shown, to);
    }
    (void)fprintf(to, "%s%zu pictures looked at: %zu errors, %zu warnings, %zu notes\n",
                  r->finding_count > 0 ? "\n" : "", count_read(r), r->level_counts[CHECK_ERROR],
                  r->level_counts[CHECK_WARNING], r->level_counts[CHECK_NOTE]);
    return POLYP_OK;
}
