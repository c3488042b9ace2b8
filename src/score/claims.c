/* The list read, and the words. */
#include "score/claims.h"

#include <stdlib.h>
#include <string.h>

static status parse_one(published_score *out, const char *item, size_t length)
{
    char key[32];
    const size_t name = strcspn(item, "=,");
    char *end = NULL;
    if (name < length && name < sizeof key) {
        memcpy(key, item, name);
        key[name] = '\0';
        out->metric = score_metric_find(key);
        out->value = strtod(item + name + 1, &end);
    }
    if (end && end == item + length && end != item + name + 1 && out->metric != SCORE_METRICS) return POLYP_OK;
    return fail(POLYP_ERR_ARGUMENT,
                "--published: '%.*s' is not a metric of the table and a number, such as jaccard=.7871", (int)length,
                item);
}

status claims_parse(published_score *out, size_t *count, const char *list)
{
    *count = 0;
    while (list && *list) {
        const size_t length = strcspn(list, ",");
        if (*count == PUBLISHED_MOST) {
            return fail(POLYP_ERR_ARGUMENT, "--published: more than %d numbers", PUBLISHED_MOST);
        }
        TRY(parse_one(&out[*count], list, length));
        (*count)++;
        list += length + (list[length] != '\0');
    }
    return POLYP_OK;
}

enum claim claim_of(double value, const polyp_interval *interval, double published, bool less_is_better)
{
    const double sign = less_is_better ? -1 : 1;
    const double nearer = less_is_better ? interval->high : interval->low;
    if (sign * nearer > sign * published) return CLAIM_EXCEEDS;
    return sign * value > sign * published ? CLAIM_HIGHER : CLAIM_NOT_HIGHER;
}

const char *claim_words(enum claim claim, bool less_is_better)
{
    static const char *const words[] = {[CLAIM_EXCEEDS] = "exceeds",
                                        [CLAIM_HIGHER] = "higher point estimate than",
                                        [CLAIM_NOT_HIGHER] = "does not exceed"};
    static const char *const less[] = {[CLAIM_EXCEEDS] = "is below",
                                       [CLAIM_HIGHER] = "lower point estimate than",
                                       [CLAIM_NOT_HIGHER] = "is not below"};
    return (less_is_better ? less : words)[claim];
}
