/* Escaping, numbers, base64, templates. */
#include "report/html.h"

#include <math.h>
#include <string.h>

/* ---- text ----------------------------------------------------------------------------------------------- */

/* Bytes of the UTF-8 character at `s` that is neither overlong nor a surrogate nor beyond U+10FFFF; 0: none. */
static size_t utf8_length(const unsigned char *s)
{
    const size_t length = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;
    for (size_t i = 1; i < length; i++)
        if ((s[i] & 0xc0) != 0x80) return 0;
    if (length == 3 && ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f))) return 0;
    if (length == 4 && ((s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))) return 0;
    return length;
}

static const char *entity_of(unsigned char c)
{
    switch (c) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '"': return "&quot;";
    case '\'': return "&#39;";
    default: return c < 0x20 || c == 0x7f ? " " : NULL;
    }
}

status html_text(file_writer *w, const char *text)
{
    for (const unsigned char *s = (const unsigned char *)text; *s;) {
        const char *const entity = entity_of(*s);
        const size_t length = utf8_length(s);
        if (entity) TRY(file_write(w, entity, strlen(entity)));
        else if (length == 0) TRY(file_write(w, "\xef\xbf\xbd", 3));
        else TRY(file_write(w, s, length));
        s += length > 0 ? length : 1;
    }
    return POLYP_OK;
}

/* ---- numbers -------------------------------------------------------------------------------------------- */

status html_number(file_writer *w, double value, int decimals)
{
    if (!isfinite(value)) return file_print(w, "\xe2\x80\x93");
    const char *const sign = value < 0 && fabs(value) >= 0.5 * pow(10, -decimals) ? "\xe2\x88\x92" : "";
    return file_print(w, "%s%.*f", sign, decimals, fabs(value));
}

status html_interval(file_writer *w, const polyp_interval *i, int decimals)
{
    TRY(html_number(w, i->low, decimals));
    TRY(file_print(w, " to "));
    return html_number(w, i->high, decimals);
}

status html_base64(file_writer *w, const unsigned char *bytes, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char block[4096];
    size_t used = 0;
    for (size_t i = 0; i < size; i += 3) {
        const unsigned a = bytes[i], b = i + 1 < size ? bytes[i + 1] : 0, c = i + 2 < size ? bytes[i + 2] : 0;
        block[used++] = digits[a >> 2];
        block[used++] = digits[(a & 3) << 4 | b >> 4];
        block[used++] = i + 1 < size ? digits[(b & 15) << 2 | c >> 6] : '=';
        block[used++] = i + 2 < size ? digits[c & 63] : '=';
        if (used + 4 <= sizeof block) continue;
        TRY(file_write(w, block, used));
        used = 0;
    }
    return file_write(w, block, used);
}

/* ---- templates ------------------------------------------------------------------------------------------ */

static status write_part(file_writer *w, const char *name, size_t length, const html_part *parts, size_t count,
                         const void *context)
{
    for (size_t i = 0; i < count; i++) {
        if (strlen(parts[i].name) == length && memcmp(parts[i].name, name, length) == 0)
            return parts[i].write(w, context);
    }
    return fail(POLYP_ERR_ENGINE, "the report's page asks for {{%.*s}}, which nothing writes", (int)length, name);
}

status html_template(file_writer *w, const char *text, const html_part *parts, size_t count, const void *context)
{
    for (const char *open; (open = strstr(text, "{{")) != NULL;) {
        const char *const close = strstr(open, "}}");
        if (!close) break;
        TRY(file_write(w, text, (size_t)(open - text)));
        TRY(write_part(w, open + 2, (size_t)(close - open - 2), parts, count, context));
        text = close + 2;
    }
    return file_write(w, text, strlen(text));
}
