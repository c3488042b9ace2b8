/* What is drawn into pictures, or is missing from them: black borders, position pictures, blank and grey pictures. */
#ifndef POLYP_LEARN_CHECK_MARKS_H
#define POLYP_LEARN_CHECK_MARKS_H

#include "learn/check.h"

/*
 * Fills in lit, bordered, box, blanked_box, grey and blank from a picture of 3 channels.
 *
 * lit         without the dark borders (signature_lit()); `bordered` when left and right, or top and bottom, together take
 *             more than CHECK_BORDER_SHARE. The dark corners of an octagonal view are no border.
 * box         the green picture that shows how the endoscope lies (ScopeGuide): an upright rectangle of at least 1 % of
 *             the picture of which three quarters are a green that tissue, dye and instruments do not have.
 * blanked_box the same place painted black before publication: a black rectangle in the lower left of the lit part, told
 *             from the dark corner of an octagonal view by its straight upper edge.
 * grey        no pixel's channels differ by more than 8; blank: nearly one colour everywhere.
 */
void check_marks(check_picture *out, const polyp_image *picture);

#endif
