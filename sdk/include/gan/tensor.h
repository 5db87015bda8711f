/*
 * tensor.h - tensors: shape, element type, making and reading them.
 *
 * A tensor is a dense row-major array on the context's device. Images are N, H, W, C. Its value does not change
 * after it was made, except by gan_assign and by optimizers (parameters, state).
 */
#ifndef GAN_TENSOR_H
#define GAN_TENSOR_H

#include "context.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GAN_MAX_DIMS 6

typedef enum gan_dtype {
    GAN_F32 = 0,
    GAN_BF16 = 1,
    GAN_I32 = 2, /* class labels */
    GAN_U8 = 3   /* image bytes */
} gan_dtype;

typedef struct gan_shape {
    int ndim; /* 0 to GAN_MAX_DIMS; 0 is a scalar */
    int64_t dim[GAN_MAX_DIMS];
} gan_shape;

/* GAN_SHAPE(2, 3): a shape of two dimensions. GAN_SCALAR: no dimensions, one element. */
#define GAN_SHAPE(...)                                                                                                 \
    gan_shape_make((int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]){__VA_ARGS__})
#define GAN_SCALAR ((gan_shape){.ndim = 0})

GAN_API gan_shape gan_shape_make(int ndim, const int64_t *dim);
GAN_API int64_t gan_shape_count(gan_shape shape); /* elements; 1 for a scalar */
GAN_API bool gan_shape_equal(gan_shape a, gan_shape b);
/* "[2, 3]" into `out`, always terminated; returns `out`. */
GAN_API const char *gan_shape_text(gan_shape shape, char *out, size_t size);

GAN_API size_t gan_dtype_size(gan_dtype dtype); /* bytes per element */
GAN_API const char *gan_dtype_name(gan_dtype dtype);

GAN_API gan_context *gan_context_of(const gan_tensor *t);
GAN_API gan_shape gan_shape_of(const gan_tensor *t);
GAN_API int gan_ndim(const gan_tensor *t);
GAN_API int64_t gan_dim(const gan_tensor *t, int axis); /* negative axes count from the end */
GAN_API int64_t gan_count(const gan_tensor *t);
GAN_API gan_dtype gan_dtype_of(const gan_tensor *t);
/* True for the result of a failed operator. Its shape is [] and it has no value. */
GAN_API bool gan_is_poison(const gan_tensor *t);

/* New tensors in the current scope. Data is copied from host memory. */
GAN_API gan_tensor *gan_zeros(gan_context *ctx, gan_shape shape);
GAN_API gan_tensor *gan_full(gan_context *ctx, gan_shape shape, float value);
GAN_API gan_tensor *gan_from_f32(gan_context *ctx, gan_shape shape, const float *data);
GAN_API gan_tensor *gan_from_i32(gan_context *ctx, gan_shape shape, const int32_t *data);
GAN_API gan_tensor *gan_from_u8(gan_context *ctx, gan_shape shape, const uint8_t *data);

/* Copy the value to host memory, waiting for the device. `out` holds gan_count(t) elements. bf16 is widened to
 * f32; other types must match. Errors: GAN_ERROR_DTYPE, the context's status. */
GAN_API gan_status gan_read_f32(const gan_tensor *t, float *out);
GAN_API gan_status gan_read_i32(const gan_tensor *t, int32_t *out);
GAN_API gan_status gan_read_u8(const gan_tensor *t, uint8_t *out);
/* The value of a tensor of one element; NaN if it is poison or has more. Waits for the device. */
GAN_API float gan_item(const gan_tensor *t);

/* Where t's elements lie, in the device's memory, as long as t lives; NULL for a poison tensor and for one without
 * elements. For kernels of a plugin's own, which read it, or fill a tensor that no operator has had yet; on a CUDA
 * device they go to gan_context_stream. */
GAN_API void *gan_data_pointer(gan_tensor *t);

/* Copy the value of `source` into `target` (same shape, types converted). Never recorded. Used for parameters and
 * state; the result of an earlier operator must not be changed. Returns the context's status. */
GAN_API gan_status gan_assign(gan_tensor *target, const gan_tensor *source);
GAN_API gan_status gan_assign_f32(gan_tensor *target, const float *data);

/* Keep: the tensor lives until gan_release, whatever scopes end. Calls may be nested. Returns t. */
GAN_API gan_tensor *gan_keep(gan_tensor *t);
GAN_API void gan_release(gan_tensor *t); /* NULL is allowed */

#ifdef __cplusplus
}
#endif
#endif
