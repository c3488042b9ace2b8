/* Masks made better by rules about their regions. Every rule is off unless asked for. */
#ifndef POLYP_PREDICT_CLEAN_H
#define POLYP_PREDICT_CLEAN_H

#include "media/regions.h"

/* Rules of polyp.h within their ranges? Error: ARGUMENT. `threshold`: the masks'. */
status mask_rules_check(const polyp_mask_rules *rules, double threshold);

/* Is any rule on? */
bool mask_rules_any(const polyp_mask_rules *rules);

/* Hysteresis (Canny 1986): of the regions of `low`, a mask at a lower threshold, those stay that hold a pixel of
 * `mask`. */
status mask_grow(polyp_image *mask, const polyp_image *low);

/* In this order: holes filled, regions under the least area dropped, all but the largest dropped. `mask`: 1 channel, 0
 * or 255, changed in place. */
status mask_clean(polyp_image *mask, const polyp_mask_rules *rules);

#endif
