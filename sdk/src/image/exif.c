/*
 * exif.c - the orientation of a JPEG picture. EXIF data is a TIFF structure in an APP1 segment (EXIF 2.32,
 * section 4.5); only its first directory is looked at. Whatever is out of bounds or out of range counts as "no
 * orientation": the picture itself may be whole.
 */
#include "image/formats.h"

#include <string.h>

#define APP1        0xe1
#define SOS         0xda
#define EOI         0xd9
#define ORIENTATION 0x0112
#define TYPE_SHORT  3
#define ENTRY       12 /* bytes of a directory's entry */

typedef struct tiff {
    const uint8_t *bytes;
    size_t size;
    bool little;
} tiff;

/* Reading past the end gives 0, which is no tag, count or orientation. */
static uint32_t number(const tiff *t, size_t at, int bytes)
{
    uint32_t value = 0;
    if (at > t->size || (size_t)bytes > t->size - at)
        return 0;
    for (int i = 0; i < bytes; i++)
        value = value << 8 | t->bytes[at + (size_t)(t->little ? bytes - 1 - i : i)];
    return value;
}

static int orientation_in(tiff t)
{
    if (t.size < 8 || (memcmp(t.bytes, "II*\0", 4) != 0 && memcmp(t.bytes, "MM\0*", 4) != 0))
        return 1;
    t.little = t.bytes[0] == 'I';
    size_t directory = number(&t, 4, 4);
    uint32_t entries = number(&t, directory, 2);
    for (uint32_t i = 0; i < entries; i++) {
        size_t entry = directory + 2 + (size_t)i * ENTRY;
        if (number(&t, entry, 2) != ORIENTATION)
            continue;
        uint32_t value = number(&t, entry + 8, 2);
        bool valid = number(&t, entry + 2, 2) == TYPE_SHORT && number(&t, entry + 4, 4) == 1;
        return valid && value >= 1 && value <= 8 ? (int)value : 1;
    }
    return 1;
}

int gan__exif_orientation(const uint8_t *jpeg, size_t size)
{
    size_t at = 2; /* after SOI */
    while (at < size && size - at >= 4 && jpeg[at] == 0xff) {
        uint8_t marker = jpeg[at + 1];
        if (marker == 0xff) { /* a marker may be filled up with 0xff before it */
            at++;
            continue;
        }
        size_t length = (size_t)jpeg[at + 2] << 8 | jpeg[at + 3]; /* its own two bytes included */
        if (marker == SOS || marker == EOI || length < 2 || length > size - at - 2)
            return 1;
        const uint8_t *data = jpeg + at + 4;
        if (marker == APP1 && length >= 2 + 6 && memcmp(data, "Exif\0\0", 6) == 0)
            return orientation_in((tiff){.bytes = data + 6, .size = length - 2 - 6});
        at += 2 + length;
    }
    return 1;
}
