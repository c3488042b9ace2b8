/* The verdicts in words and as JSON. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#include "base/file.h"
#include "score/consistency.h"
#include "score/facts.h"

/* ---- what can be said ---------------------------------------------------------------------- */

static bool nothing_fits(const consistency ways[CONSISTENCY_WAYS])
{
    bool none = true;
    for (int way = 0; way < CONSISTENCY_WAYS; way++) none &= ways[way].verdict == VERDICT_IMPOSSIBLE;
    return none;
}

/* Under every average DSC lies from Jaccard up. */
static bool is_swapped(const published_scores *s)
{
    const published_number *const j = &s->numbers[SCORE_JACCARD], *const d = &s->numbers[SCORE_DSC];
    return j->given && d->given && j->value - j->half > d->value + d->half;
}

/* F-beta with beta 1 is DSC. With beta 2 it is so only for one set of counts whose precision and recall are equal. */
static bool is_f1(const published_scores *s)
{
    const published_number *const f2 = &s->numbers[SCORE_F2], *const d = &s->numbers[SCORE_DSC];
    const published_number *const p = &s->numbers[SCORE_PRECISION], *const r = &s->numbers[SCORE_RECALL];
    const bool all = f2->given && d->given && p->given && r->given;
    return all && fabs(f2->value - d->value) <= f2->half + d->half &&
           fabs(p->value - r->value) > 10 * (p->half + r->half);
}

/* ---- words --------------------------------------------------------------------------------- */

static void print_numbers(FILE *to, const published_scores *s)
{
    const char *between = "";
    for (int m = 0; m < SIX_METRICS; m++) {
        const published_number *const n = &s->numbers[m];
        if (!n->given) continue;
        fprintf(to, "%s%s %.*f", between, score_facts[m].title, n->decimals, n->value);
        between = ", ";
    }
    fprintf(to, "\n\n");
}

static void print_ways(FILE *to, const consistency ways[CONSISTENCY_WAYS])
{
    static const char *const words[] = {
        [VERDICT_POSSIBLE] = "possible", [VERDICT_IMPOSSIBLE] = "impossible", [VERDICT_OPEN] = "on the edge"};
    fprintf(to, "%-48s %-12s %s\n", "averaging of hard masks", "verdict", "misfit");
    for (int way = 0; way < CONSISTENCY_WAYS; way++) {
        fprintf(to, "%-48s %-12s", consistency_titles[way], words[ways[way].verdict]);
        if (ways[way].misfit > 0) fprintf(to, " %.4f", ways[way].misfit);
        fprintf(to, "\n");
    }
    fprintf(to, "misfit: beyond rounding, at least one of the numbers is off by this much\n\n");
}

static void print_jaccard(FILE *to, const published_scores *s)
{
    const published_number *const d = &s->numbers[SCORE_DSC], *const j = &s->numbers[SCORE_JACCARD];
    double low, high;
    if (!d->given) return;
    consistency_jaccard_range(&low, &high, d);
    fprintf(to, "A mean DSC of %.*f goes with a mean Jaccard from %.4f to %.4f, whatever is averaged", d->decimals,
            d->value, low, high);
    if (j->given) fprintf(to, "; %.*f is given", j->decimals, j->value);
    fprintf(to, ".\n");
}

static void print_implied(FILE *to, const published_scores *s)
{
    const consistency_implied i = consistency_pooled(s);
    if (isnan(i.jaccard)) return;
    fprintf(to, "Were they pooled, recall and precision would make Jaccard %.4f, DSC %.4f, F2 %.4f", i.jaccard, i.dsc,
            i.f2);
    if (!isnan(i.share)) fprintf(to, ", and accuracy a polyp share of %.1f %% of all pixels", 100 * i.share);
    fprintf(to, ".\n");
}

void consistency_print(FILE *to, const published_scores *scores, const consistency ways[CONSISTENCY_WAYS])
{
    print_numbers(to, scores);
    print_ways(to, ways);
    if (nothing_fits(ways)) fprintf(to, "No hard masks give these numbers under any one of these averagings.\n");
    print_jaccard(to, scores);
    print_implied(to, scores);
    if (is_swapped(scores)) fprintf(to, "Jaccard is never above DSC: are the two swapped?\n");
    if (is_f1(scores))
        fprintf(to, "F2 equals DSC although precision and recall differ: F-beta with beta 1, perhaps.\n");
}

/* ---- JSON ---------------------------------------------------------------------------------- */

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *way_json(const consistency *c)
{
    json_t *const possible = c->verdict == VERDICT_OPEN ? json_null() : json_boolean(c->verdict == VERDICT_POSSIBLE);
    return json_pack("{so so}", "possible", possible, "misfit", number(c->misfit));
}

static json_t *published_json(const published_scores *s)
{
    json_t *const out = json_object();
    for (int m = 0; m < SIX_METRICS; m++) {
        const published_number *const n = &s->numbers[m];
        if (n->given)
            json_object_set_new(out, score_facts[m].key,
                                json_pack("[oo]", number(n->value - n->half), number(n->value + n->half)));
    }
    return out;
}

static json_t *implied_json(const published_scores *s)
{
    const consistency_implied i = consistency_pooled(s);
    return json_pack("{so so so so}", "jaccard", number(i.jaccard), "dsc", number(i.dsc), "f2", number(i.f2),
                     "polyp_share", number(i.share));
}

static json_t *jaccard_json(const published_number *dsc)
{
    double low, high;
    if (!dsc->given) return json_null();
    consistency_jaccard_range(&low, &high, dsc);
    return json_pack("[oo]", number(low), number(high));
}

static json_t *consistency_json(const published_scores *s, const consistency ways[CONSISTENCY_WAYS])
{
    json_t *const averagings = json_object();
    for (int way = 0; way < CONSISTENCY_WAYS; way++)
        json_object_set_new(averagings, consistency_keys[way], way_json(&ways[way]));
    return json_pack("{so so so so sb sb}", "published", published_json(s), "averagings", averagings, "jaccard_of_dsc",
                     jaccard_json(&s->numbers[SCORE_DSC]), "pooled_from_recall_and_precision", implied_json(s),
                     "swapped", is_swapped(s), "f2_is_f1", is_f1(s));
}

status consistency_write_json(const char *path, const published_scores *scores,
                              const consistency ways[CONSISTENCY_WAYS])
{
    json_t *const root = consistency_json(scores, ways);
    char *const text = root ? json_dumps(root, JSON_INDENT(1)) : NULL;
    json_decref(root);
    if (!text) return fail(POLYP_ERR_MEMORY, "%s: no memory for the verdicts", path);
    file_writer *w;
    status result = file_create(&w, path);
    if (result == POLYP_OK) {
        result = file_print(w, "%s\n", text);
        if (result == POLYP_OK) result = file_commit(w);
        else file_abandon(w);
    }
    free(text);
    return result;
}
