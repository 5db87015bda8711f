/* fuzz_decode.h - what the targets of image formats share. */
#ifndef FUZZ_DECODE_H
#define FUZZ_DECODE_H

#include "fuzz.h"

#include "image/formats.h"

#define FUZZ_PIXELS 1000000 /* larger pictures are probed but not decoded, for the fuzzer's speed */

/* Bytes of one kind: what is accepted is readable to its last pixel and is what the header said, and what is refused is
 * refused with a sentence. */
static inline void fuzz_decode(const uint8_t *data, size_t size, gan__image_kind kind)
{
    gan_image_header header;
    gan_image image;
    gan_message message = {{0}};
    if (gan__image_kind_of(data, size) != kind)
        return;
    bool probed = gan_image_probe(data, size, "input", &header, &message) == GAN_OK;
    if (!probed && !message.text[0])
        fuzz_failed("refused without a sentence");
    if (probed && (header.width < 1 || header.height < 1 || header.width * header.height > GAN_IMAGE_MAX_PIXELS))
        fuzz_failed("accepted with a size out of range");
    if (probed && header.width * header.height > FUZZ_PIXELS)
        return;
    message.text[0] = '\0';
    if (gan_image_decode(data, size, "input", &image, &message) != GAN_OK) {
        if (!message.text[0])
            fuzz_failed("refused without a sentence");
        return;
    }
    if (!probed || image.width != header.width || image.height != header.height || image.channels != header.channels)
        fuzz_failed("decoded as something else than the header said");
    unsigned sum = 0;
    for (int64_t i = 0; i < image.width * image.height * image.channels; i++)
        sum += image.pixels[i];
    fuzz_use(sum);
    gan_image_free(&image);
}

#endif
