/*
 * The records of a TensorBoard event file, to and from bytes.
 *
 * A file is a row of TFRecords (tensorflow/core/lib/io/record_writer.h): length (8 bytes, little-endian), masked CRC-32C of
 * those, that many bytes, masked CRC-32C of these. Each holds one Event as a protocol buffer. Field numbers are those of
 * tensorflow/core/util/event.proto and tensorflow/core/framework/summary.proto:
 *     Event          { double wall_time = 1; int64 step = 2; string file_version = 3; Summary summary = 5; }
 *     Summary        { repeated Value value = 1; }
 *     Summary.Value  { string tag = 1; float simple_value = 2; Image image = 4; }
 *     Summary.Image  { int32 height = 1; int32 width = 2; int32 colorspace = 3; bytes encoded_image_string = 4; }
 */
#ifndef POLYP_LEARN_EVENT_RECORD_H
#define POLYP_LEARN_EVENT_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"

typedef struct event_scalar {
    const char *tag; /* "loss/train": TensorBoard groups by what stands before the slash */
    double value;    /* stored as f32 */
} event_scalar;

typedef struct event_image {
    const char *tag;
    int width, height, channels;
    const unsigned char *bytes; /* the whole PNG or JPEG */
    size_t size;
} event_image;

/* Each appends one whole record; `out` is untouched on failure. wall_time: seconds since 1970. Error: MEMORY. */
status event_add_version(buffer *out, double wall_time); /* the first record of a file */
status event_add_scalars(buffer *out, double wall_time, int64_t step, const event_scalar *scalars, size_t count);
status event_add_image(buffer *out, double wall_time, int64_t step, const event_image *image);

typedef struct event {
    double wall_time;
    int64_t step;
    const unsigned char *summary; /* the Summary's bytes; NULL: none */
    size_t summary_size;
    size_t end; /* where the next record begins */
} event;

/* The record that begins at byte `at`; false where none does that is whole and has the right checksums. */
bool event_read(event *out, const unsigned char *bytes, size_t size, size_t at);

/* Value number `index` of a Summary: its tag (not ended by a NUL), and whichever of both it has; false: there are fewer, or
 * it is damaged. */
typedef struct event_value {
    const char *tag;
    size_t tag_size;
    bool is_image;
    float scalar;
    event_image image; /* without its tag */
} event_value;
bool event_find_value(event_value *out, const event *e, size_t index);

/* CRC-32C (Castagnoli), as iSCSI has it (RFC 3720, appendix B.4). */
uint32_t event_crc32c(const unsigned char *bytes, size_t size);

#endif
