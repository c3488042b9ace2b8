/* Numbers that others published, held against a set's means: what may be said. */
#ifndef POLYP_SCORE_CLAIMS_H
#define POLYP_SCORE_CLAIMS_H

#include <stddef.h>

#include "base/status.h"
#include "score/facts.h"

/* A metric's mean per image as somebody printed it. */
typedef struct published_score {
    enum score_metric metric;
    double value;
} published_score;
enum { PUBLISHED_MOST = 32 };

/* "jaccard=.7871,dsc=.8926", by the metrics' keys; NULL or "": none. `out` has room for PUBLISHED_MOST. Error:
 * ARGUMENT. */
status claims_parse(published_score *out, size_t *count, const char *list);

/* What may be said of a value beside a published one. Where less is better, "below" stands for "above". */
enum claim {
    CLAIM_EXCEEDS,   /* even the interval's nearer end is better */
    CLAIM_HIGHER,    /* the value is better, the interval reaches the other */
    CLAIM_NOT_HIGHER /* the value is not better */
};
enum claim claim_of(double value, const polyp_interval *interval, double published, bool less_is_better);

/* "exceeds", "lower point estimate than" ... to be followed by the published value. */
const char *claim_words(enum claim claim, bool less_is_better);

#endif
