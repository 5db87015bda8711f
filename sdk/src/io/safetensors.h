/*
 * safetensors.h - what the reader and the writer of safetensors files share. Internal.
 */
#ifndef GAN__SAFETENSORS_H
#define GAN__SAFETENSORS_H

#include <gan/io.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "safetensors data is little-endian and is copied as it is; this needs a little-endian machine"
#endif

#define GAN__FILE_NAME_MAX    1024 /* bytes of a tensor's name */
#define GAN__FILE_TEXT_KEY    "__metadata__"
#define GAN__FILE_CRC_KEY     "gan.crc32"
#define GAN__FILE_VERSION_KEY "gan.version" /* of the SDK that wrote the file; goes with the checksum */

/* The element types of the format that we know the size of. */
typedef enum gan__file_dtype {
    GAN__FILE_F64,
    GAN__FILE_F32,
    GAN__FILE_F16,
    GAN__FILE_BF16,
    GAN__FILE_I32,
    GAN__FILE_U8,
    GAN__FILE_OTHER, /* sized but not converted, or not known at all */
} gan__file_dtype;

/* Find a type by its name in the file. *size is 0 for types that are not known. */
gan__file_dtype gan__file_dtype_find(const char *name, size_t *size);
const char *gan__file_dtype_name(gan__file_dtype dtype);
gan__file_dtype gan__file_dtype_of(gan_dtype dtype);

/* To f32 from F64, F32, F16 or BF16, which need not be aligned; and to bf16, rounding to nearest even. */
void gan__file_widen(gan__file_dtype from, const void *in, float *out, size_t count);
void gan__file_narrow(const float *in, uint16_t *out, size_t count);

/* The shape in the file of a tensor of that shape in memory. */
gan_shape gan__file_shape(gan_shape memory, gan_layout layout);
/* Rearrange [A, P, B] elements to [A, B, P]; from memory to file with P = KH KW. With p and b exchanged, back. */
void gan__file_permute(const void *in, void *out, int64_t a, int64_t p, int64_t b, size_t element);

#endif
