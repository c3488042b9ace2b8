/* The words of a progress line; no clock, no terminal. */
#ifndef APP_PROGRESS_LINE_H
#define APP_PROGRESS_LINE_H

#include <stdbool.h>
#include <stddef.h>

typedef struct progress_facts {
    const char *phase, *unit;
    int epoch, epochs; /* training only; epochs 0 elsewhere */
    size_t done, total;
    size_t units; /* done since the phase began, in `seconds` */
    int pictures; /* in each unit; 0 or 1: the unit itself is counted */
    double seconds;
    double left;       /* seconds to the end; negative: not known */
    double loss, rate; /* NaN: none */
} progress_facts;

/* "train: epoch 3/20, [####....] 140/1760, 11.2 pictures/s, 23:10 left, loss 0.4312, rate 2.10e-04" in `columns` columns:
 * where they are few, the bar gets shorter, then goes, then the line is cut. */
void progress_draw_line(char *out, size_t size, const progress_facts *f, int columns);

/* "train: epoch 3/20, 88 steps in 1:03, 11.2 pictures a second, loss 0.4312, rate 2.10e-04" */
void progress_end_line(char *out, size_t size, const progress_facts *f);

/* "704 pictures in 1:03, 11.2 a second" */
void progress_work_line(char *out, size_t size, const progress_facts *f);

#endif
