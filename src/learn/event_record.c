/* TFRecords and the few protocol buffers that TensorBoard needs, by hand. */
#include "learn/event_record.h"

#include <string.h>

enum { LENGTH_BYTES = 8, CRC_BYTES = 4, HEADER = LENGTH_BYTES + CRC_BYTES };
enum { VARINT = 0, FIXED64 = 1, DELIMITED = 2, FIXED32 = 5 }; /* protocol buffers' wire types */
enum { EVENT_WALL_TIME = 1, EVENT_STEP = 2, EVENT_VERSION = 3, EVENT_SUMMARY = 5 };
enum { SUMMARY_VALUE = 1, VALUE_TAG = 1, VALUE_SIMPLE = 2, VALUE_IMAGE = 4 };
enum { IMAGE_HEIGHT = 1, IMAGE_WIDTH = 2, IMAGE_COLOURS = 3, IMAGE_BYTES = 4 };

/* ---- checksums -------------------------------------------------------------------------------------- */

static uint32_t crc_of_byte(uint32_t byte)
{
    for (int bit = 0; bit < 8; bit++) byte = byte & 1 ? byte >> 1 ^ 0x82f63b78U : byte >> 1;
    return byte;
}

uint32_t event_crc32c(const unsigned char *bytes, size_t size)
{
    uint32_t table[256], crc = 0xffffffffU;
    for (uint32_t i = 0; i < 256; i++) table[i] = crc_of_byte(i);
    for (size_t i = 0; i < size; i++) crc = table[(crc ^ bytes[i]) & 0xff] ^ crc >> 8;
    return ~crc;
}

/* Rotated and shifted, so that the checksum of bytes that hold checksums is a good one, too. */
static uint32_t masked_crc(const unsigned char *bytes, size_t size)
{
    const uint32_t crc = event_crc32c(bytes, size);
    return (crc >> 15 | crc << 17) + 0xa282ead8U;
}

/* ---- writing ---------------------------------------------------------------------------------------- */

static void put_little(unsigned char *out, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++) out[i] = (unsigned char)(value >> 8 * i);
}

static status add_little(buffer *out, uint64_t value, size_t size)
{
    unsigned char bytes[8];
    put_little(bytes, value, size);
    return buffer_add(out, bytes, size);
}

static status add_varint(buffer *out, uint64_t value)
{
    unsigned char bytes[10];
    size_t size = 0;
    for (; value >= 0x80; value >>= 7) bytes[size++] = (unsigned char)(value | 0x80);
    bytes[size++] = (unsigned char)value;
    return buffer_add(out, bytes, size);
}

static status add_key(buffer *out, unsigned field, unsigned type)
{
    return add_varint(out, field << 3 | type);
}

/* A number that is 0 is left out, as protocol buffers 3 have it. */
static status add_number(buffer *out, unsigned field, uint64_t value)
{
    if (value == 0) return POLYP_OK;
    TRY(add_key(out, field, VARINT));
    return add_varint(out, value);
}

static status add_bytes(buffer *out, unsigned field, const void *bytes, size_t size)
{
    TRY(add_key(out, field, DELIMITED));
    TRY(add_varint(out, size));
    return buffer_add(out, bytes, size);
}

static status add_text(buffer *out, unsigned field, const char *text)
{
    return add_bytes(out, field, text, strlen(text));
}

static status add_wall_time(buffer *out, double wall_time)
{
    uint64_t bits;
    memcpy(&bits, &wall_time, sizeof bits);
    TRY(add_key(out, EVENT_WALL_TIME, FIXED64));
    return add_little(out, bits, sizeof bits);
}

/* The message as one record. */
static status add_record(buffer *out, const buffer *message)
{
    const size_t before = out->size;
    unsigned char header[HEADER];
    put_little(header, message->size, LENGTH_BYTES);
    put_little(header + LENGTH_BYTES, masked_crc(header, LENGTH_BYTES), CRC_BYTES);
    status result;
    TRY_DONE(buffer_add(out, header, sizeof header));
    TRY_DONE(buffer_add(out, message->data, message->size));
    TRY_DONE(add_little(out, masked_crc(message->data, message->size), CRC_BYTES));
done:
    if (result != POLYP_OK) out->size = before;
    return result;
}

status event_add_version(buffer *out, double wall_time)
{
    buffer message = {0};
    status result;
    TRY_DONE(add_wall_time(&message, wall_time));
    TRY_DONE(add_text(&message, EVENT_VERSION, "brain.Event:2"));
    TRY_DONE(add_record(out, &message));
done:
    buffer_free(&message);
    return result;
}

/* An event around its summary. */
static status add_summary(buffer *out, double wall_time, int64_t step, const buffer *summary)
{
    buffer message = {0};
    status result;
    TRY_DONE(add_wall_time(&message, wall_time));
    TRY_DONE(add_number(&message, EVENT_STEP, (uint64_t)step));
    TRY_DONE(add_bytes(&message, EVENT_SUMMARY, summary->data, summary->size));
    TRY_DONE(add_record(out, &message));
done:
    buffer_free(&message);
    return result;
}

static status add_scalar(buffer *summary, const event_scalar *s)
{
    buffer value = {0};
    const float single = (float)s->value;
    uint32_t bits;
    status result;
    memcpy(&bits, &single, sizeof bits);
    TRY_DONE(add_text(&value, VALUE_TAG, s->tag));
    TRY_DONE(add_key(&value, VALUE_SIMPLE, FIXED32));
    TRY_DONE(add_little(&value, bits, sizeof bits));
    TRY_DONE(add_bytes(summary, SUMMARY_VALUE, value.data, value.size));
done:
    buffer_free(&value);
    return result;
}

status event_add_scalars(buffer *out, double wall_time, int64_t step, const event_scalar *scalars, size_t count)
{
    buffer summary = {0};
    status result = POLYP_OK;
    for (size_t i = 0; i < count && result == POLYP_OK; i++) result = add_scalar(&summary, &scalars[i]);
    if (result == POLYP_OK) result = add_summary(out, wall_time, step, &summary);
    buffer_free(&summary);
    return result;
}

static status add_picture(buffer *value, const event_image *i)
{
    buffer image = {0};
    status result;
    TRY_DONE(add_number(&image, IMAGE_HEIGHT, (uint64_t)i->height));
    TRY_DONE(add_number(&image, IMAGE_WIDTH, (uint64_t)i->width));
    TRY_DONE(add_number(&image, IMAGE_COLOURS, (uint64_t)i->channels));
    TRY_DONE(add_bytes(&image, IMAGE_BYTES, i->bytes, i->size));
    TRY_DONE(add_bytes(value, VALUE_IMAGE, image.data, image.size));
done:
    buffer_free(&image);
    return result;
}

status event_add_image(buffer *out, double wall_time, int64_t step, const event_image *image)
{
    buffer value = {0}, summary = {0};
    status result;
    TRY_DONE(add_text(&value, VALUE_TAG, image->tag));
    TRY_DONE(add_picture(&value, image));
    TRY_DONE(add_bytes(&summary, SUMMARY_VALUE, value.data, value.size));
    TRY_DONE(add_summary(out, wall_time, step, &summary));
done:
    buffer_free(&value);
    buffer_free(&summary);
    return result;
}

/* ---- reading ---------------------------------------------------------------------------------------- */

static uint64_t little(const unsigned char *bytes, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) value |= (uint64_t)bytes[i] << 8 * i;
    return value;
}

/* What is left of a message. */
typedef struct message {
    const unsigned char *at, *end;
} message;

/* One field of it: a number, or bytes. */
typedef struct field {
    uint64_t number; /* the field's, not its value */
    unsigned type;
    uint64_t value;
    message bytes;
} field;

static bool next_varint(uint64_t *out, message *m)
{
    *out = 0;
    for (int shift = 0; shift < 64 && m->at < m->end; shift += 7) {
        const unsigned char byte = *m->at++;
        *out |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) return true;
    }
    return false;
}

static bool next_fixed(uint64_t *out, message *m, size_t size)
{
    if ((size_t)(m->end - m->at) < size) return false;
    *out = little(m->at, size);
    m->at += size;
    return true;
}

static bool next_bytes(message *out, message *m)
{
    uint64_t size;
    if (!next_varint(&size, m) || (uint64_t)(m->end - m->at) < size) return false;
    *out = (message){m->at, m->at + size};
    m->at += size;
    return true;
}

/* False at the end, or where the bytes are no field. */
static bool next_field(field *out, message *m)
{
    uint64_t key;
    *out = (field){0};
    if (!next_varint(&key, m)) return false;
    out->number = key >> 3;
    out->type = (unsigned)(key & 7);
    switch (out->type) {
    case VARINT: return next_varint(&out->value, m);
    case FIXED64: return next_fixed(&out->value, m, 8);
    case FIXED32: return next_fixed(&out->value, m, 4);
    case DELIMITED: return next_bytes(&out->bytes, m);
    default: return false;
    }
}

bool event_read(event *out, const unsigned char *bytes, size_t size, size_t at)
{
    if (at > size || size - at < HEADER) return false;
    const unsigned char *const header = bytes + at, *const data = header + HEADER;
    const uint64_t length = little(header, LENGTH_BYTES), room = size - at - HEADER;
    if (little(header + LENGTH_BYTES, CRC_BYTES) != masked_crc(header, LENGTH_BYTES)) return false;
    if (room < CRC_BYTES || length > room - CRC_BYTES) return false;
    if (little(data + length, CRC_BYTES) != masked_crc(data, length)) return false;
    *out = (event){.end = at + HEADER + length + CRC_BYTES};
    message m = {data, data + length};
    for (field f; next_field(&f, &m);) {
        if (f.number == EVENT_WALL_TIME && f.type == FIXED64) memcpy(&out->wall_time, &f.value, sizeof out->wall_time);
        if (f.number == EVENT_STEP && f.type == VARINT) out->step = (int64_t)f.value;
        if (f.number != EVENT_SUMMARY || f.type != DELIMITED) continue;
        out->summary = f.bytes.at;
        out->summary_size = (size_t)(f.bytes.end - f.bytes.at);
    }
    return m.at == m.end;
}

static bool read_image(event_image *out, message m)
{
    for (field f; next_field(&f, &m);) {
        if (f.number == IMAGE_HEIGHT) out->height = (int)f.value;
        if (f.number == IMAGE_WIDTH) out->width = (int)f.value;
        if (f.number == IMAGE_COLOURS) out->channels = (int)f.value;
        if (f.number != IMAGE_BYTES || f.type != DELIMITED) continue;
        out->bytes = f.bytes.at;
        out->size = (size_t)(f.bytes.end - f.bytes.at);
    }
    return m.at == m.end;
}

static bool read_value(event_value *out, message m)
{
    bool good = true;
    *out = (event_value){0};
    for (field f; next_field(&f, &m);) {
        if (f.number == VALUE_TAG && f.type == DELIMITED) {
            out->tag = (const char *)f.bytes.at;
            out->tag_size = (size_t)(f.bytes.end - f.bytes.at);
        } else if (f.number == VALUE_SIMPLE && f.type == FIXED32) {
            const uint32_t bits = (uint32_t)f.value;
            memcpy(&out->scalar, &bits, sizeof bits);
        } else if (f.number == VALUE_IMAGE && f.type == DELIMITED) {
            out->is_image = true;
            good &= read_image(&out->image, f.bytes);
        }
    }
    return good && m.at == m.end && out->tag;
}

bool event_find_value(event_value *out, const event *e, size_t index)
{
    message m = {e->summary, e->summary ? e->summary + e->summary_size : NULL};
    for (field f; next_field(&f, &m);) {
        if (f.number == SUMMARY_VALUE && f.type == DELIMITED && index-- == 0) return read_value(out, f.bytes);
    }
    return false;
}
