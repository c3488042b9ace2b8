/* Writing HTML: everything that comes from outside goes through html_text(). */
#ifndef POLYP_REPORT_HTML_H
#define POLYP_REPORT_HTML_H

#include "base/file.h"

/* Text between tags or within a quoted attribute: & < > " ' are escaped, what is not UTF-8 becomes U+FFFD, control
 * characters become spaces. */
status html_text(file_writer *w, const char *text);

/* A fixed number of decimals with a true minus sign; an en dash for NaN and infinities. */
status html_number(file_writer *w, double value, int decimals);

/* "0.81 to 0.85" */
status html_interval(file_writer *w, const polyp_interval *i, int decimals);

/* Base64 (RFC 4648), without line ends. */
status html_base64(file_writer *w, const unsigned char *bytes, size_t size);

/* A template: its text with every {{name}} replaced by what the part of that name writes. A name without a part is a
 * mistake of ours (ENGINE). */
typedef status (*html_write)(file_writer *w, const void *context);
typedef struct html_part {
    const char *name;
    html_write write;
} html_part;
status html_template(file_writer *w, const char *text, const html_part *parts, size_t count, const void *context);

#endif
