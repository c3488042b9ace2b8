/* polyp check-scores: which averagings can have produced published numbers. */
#include "commands.h"
#include "score/consistency.h"

polyp_status command_check_scores(const check_scores_options *options, FILE *to)
{
    static const char *const names[SIX_METRICS] = {"--jaccard",   "--dsc",      "--recall",
                                                   "--precision", "--accuracy", "--f2"};
    const char *const texts[SIX_METRICS] = {options->jaccard,   options->dsc,      options->recall,
                                            options->precision, options->accuracy, options->f2};
    published_scores scores = {0};
    consistency ways[CONSISTENCY_WAYS];
    for (int m = 0; m < SIX_METRICS; m++) {
        if (texts[m]) TRY(published_parse(&scores.numbers[m], names[m], texts[m]));
    }
    TRY(consistency_check(ways, &scores));
    if (options->json) TRY(consistency_write_json(options->json, &scores, ways));
    if (to) consistency_print(to, &scores, ways);
    return POLYP_OK;
}
