/*
 * Protocol Buffers' wire format (protobuf.dev/programming-guides/encoding), as far as ONNX needs it: a message is a row of
 * fields, each a key (number * 8 + wire type) and a value. Written here by hand: a protobuf library would bring a code
 * generator, C++ or a second copy of every weight, for the few lines below.
 */
#ifndef POLYP_NET_PROTOBUF_H
#define POLYP_NET_PROTOBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* ---- writing -------------------------------------------------------------------------------------------- */

/* A message under construction; {0} is an empty one. The first failed allocation is kept, so that callers ask once, at
 * the end. proto_free() it. */
typedef struct proto {
    unsigned char *bytes;
    size_t size, room;
    status failure;
} proto;

void proto_number(proto *p, int field, uint64_t value); /* int32, int64, enum: negative ones as 2^64 - n */
void proto_float(proto *p, int field, float value);
void proto_text(proto *p, int field, const char *text);

/* `inner` becomes one field of `p` and is freed, its failure passed on. */
void proto_message(proto *p, int field, proto *inner);

/* Key and length of a field whose `size` bytes follow: by the caller. */
void proto_open(proto *p, int field, size_t size);
void proto_append(proto *p, const void *bytes, size_t size);

void proto_free(proto *p);

/* ---- reading -------------------------------------------------------------------------------------------- */

enum proto_wire { PROTO_VARINT = 0, PROTO_FIXED64 = 1, PROTO_BYTES = 2, PROTO_FIXED32 = 5 };

typedef struct proto_field {
    int number;
    enum proto_wire wire;
    uint64_t value;             /* PROTO_VARINT, and the bits of PROTO_FIXED32 and 64 */
    const unsigned char *bytes; /* PROTO_BYTES: text, or a message to read in turn */
    size_t size;
} proto_field;

typedef struct proto_reader {
    const unsigned char *at, *end;
    bool damaged; /* set when the bytes are no sound message */
} proto_reader;

/* The next field; false at the end or where the bytes are damaged. */
bool proto_next(proto_field *out, proto_reader *r);

/* A reader of a PROTO_BYTES field. */
static inline proto_reader proto_inner(const proto_field *f)
{
    return (proto_reader){f->bytes, f->bytes + f->size, false};
}

#endif
