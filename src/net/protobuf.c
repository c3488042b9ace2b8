/* Fields of protobuf messages, written and read. */
#include "net/protobuf.h"

#include <string.h>

#include "base/memory.h"

enum { FIRST_ROOM = 256, VARINT_LIMIT = 10, VARINT_BITS = 7 };

/* ---- writing -------------------------------------------------------------------------------------------- */

void proto_append(proto *p, const void *bytes, size_t size)
{
    size_t needed;
    if (p->failure != POLYP_OK || size == 0) return;
    if (!size_add(p->size, size, &needed)) {
        p->failure = fail(POLYP_ERR_SIZE, "a message of more bytes than can be addressed");
        return;
    }
    if (needed > p->room) {
        const size_t twice = p->room < FIRST_ROOM ? FIRST_ROOM : 2 * p->room;
        const size_t room = needed > twice ? needed : twice;
        p->failure = memory_resize(&p->bytes, p->room, room);
        if (p->failure != POLYP_OK) return;
        p->room = room;
    }
    memcpy(p->bytes + p->size, bytes, size);
    p->size = needed;
}

/* Seven bits a byte, the lowest first; the top bit says that more follow. */
static void append_varint(proto *p, uint64_t value)
{
    unsigned char bytes[VARINT_LIMIT];
    size_t count = 0;
    for (; value >= 128; value >>= VARINT_BITS) bytes[count++] = (unsigned char)(value | 128);
    bytes[count++] = (unsigned char)value;
    proto_append(p, bytes, count);
}

static void append_key(proto *p, int field, enum proto_wire wire)
{
    append_varint(p, (uint64_t)field << 3 | (uint64_t)wire);
}

void proto_number(proto *p, int field, uint64_t value)
{
    append_key(p, field, PROTO_VARINT);
    append_varint(p, value);
}

void proto_float(proto *p, int field, float value)
{
    append_key(p, field, PROTO_FIXED32);
    proto_append(p, &value, sizeof value);
}

void proto_open(proto *p, int field, size_t size)
{
    append_key(p, field, PROTO_BYTES);
    append_varint(p, size);
}

void proto_text(proto *p, int field, const char *text)
{
    proto_open(p, field, strlen(text));
    proto_append(p, text, strlen(text));
}

void proto_message(proto *p, int field, proto *inner)
{
    proto_open(p, field, inner->size);
    proto_append(p, inner->bytes, inner->size);
    if (p->failure == POLYP_OK) p->failure = inner->failure;
    proto_free(inner);
}

void proto_free(proto *p)
{
    memory_free(p->bytes);
    *p = (proto){0};
}

/* ---- reading -------------------------------------------------------------------------------------------- */

static bool read_varint(uint64_t *out, proto_reader *r)
{
    uint64_t value = 0;
    for (int i = 0; i < VARINT_LIMIT && r->at < r->end; i++) {
        const unsigned char byte = *r->at++;
        value |= (uint64_t)(byte & 127) << (VARINT_BITS * i);
        if (byte < 128) {
            *out = value;
            return true;
        }
    }
    return false;
}

static bool read_fixed(proto_field *out, proto_reader *r, size_t size)
{
    if ((size_t)(r->end - r->at) < size) return false;
    memcpy(&out->value, r->at, size); /* little-endian, as the file */
    r->at += size;
    return true;
}

static bool read_bytes(proto_field *out, proto_reader *r)
{
    uint64_t size;
    if (!read_varint(&size, r) || size > (uint64_t)(r->end - r->at)) return false;
    out->bytes = r->at;
    out->size = (size_t)size;
    r->at += size;
    return true;
}

static bool read_value(proto_field *out, proto_reader *r)
{
    switch (out->wire) {
    case PROTO_VARINT: return read_varint(&out->value, r);
    case PROTO_FIXED64: return read_fixed(out, r, 8);
    case PROTO_FIXED32: return read_fixed(out, r, 4);
    case PROTO_BYTES: return read_bytes(out, r);
    default: return false;
    }
}

bool proto_next(proto_field *out, proto_reader *r)
{
    uint64_t key;
    if (r->damaged || r->at == r->end) return false;
    *out = (proto_field){0};
    r->damaged = true;
    if (!read_varint(&key, r) || key >> 3 == 0 || key >> 3 > INT32_MAX) return false;
    out->number = (int)(key >> 3);
    out->wire = (enum proto_wire)(key & 7);
    if (!read_value(out, r)) return false;
    r->damaged = false;
    return true;
}
