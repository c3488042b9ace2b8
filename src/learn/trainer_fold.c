/* A run that is one fold of a cross-validation: refused where it does not belong, reported at its end, summed up. */
#include <string.h>

#include "learn/folds.h"
#include "learn/trainer_impl.h"

static fold_facts facts_of(const trainer *t)
{
    return (fold_facts){t->data.fold, t->data.folds, t->data.all_hash, t->record_text};
}

/* OUT of OUT/fold-I, which the run writes to; memory_free() it. */
static char *parent_of(const trainer *t)
{
    char *const out = memory_text(t->options->out);
    char *const slash = out ? strrchr(out, '/') : NULL;
    if (slash) *slash = '\0';
    return out;
}

status trainer_check_fold(const trainer *t)
{
    const fold_facts facts = facts_of(t);
    if (facts.folds == 0) return POLYP_OK;
    char *const out = parent_of(t);
    const status result = out ? folds_check(out, &facts) : POLYP_ERR_MEMORY;
    memory_free(out);
    return result;
}

static void tell(trainer *t, const polyp_evaluation *reported, const folds_summary *s)
{
    char words[256];
    folds_print(words, sizeof words, s);
    /* the run is done: there is nothing to stop */
    (void)run_log_line(&t->log, "fold %d of %d: Jaccard %.4f, DSC %.4f on its %zu pictures, which chose nothing",
                       t->data.fold, t->data.folds, reported->per_image.jaccard, reported->per_image.dsc,
                       reported->images);
    (void)run_log_line(&t->log, "%s", words);
}

status trainer_report_fold(trainer *t)
{
    const fold_facts facts = facts_of(t);
    polyp_evaluation reported;
    folds_summary summary;
    if (facts.folds == 0) return POLYP_OK;
    char *const out = parent_of(t);
    status result = POLYP_ERR_MEMORY;
    if (!out) goto done;
    TRY_DONE(fold_report(&reported, out, &facts, t->paths.model, &t->data.report, t->options));
    TRY_DONE(folds_sum_up(&summary, out, &facts));
    tell(t, &reported, &summary);
done:
    memory_free(out);
    return result;
}
