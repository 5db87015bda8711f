/*
 * io.h - safetensors files.
 *
 * The format: 8 bytes of header length (little-endian), a JSON header with name, dtype, shape and offsets of each
 * tensor and free text metadata, then the data. Files written here carry "gan.crc32" in their metadata, the CRC-32
 * of the whole file with the eight digits of the sum itself taken as zeros; reading checks it when it is there.
 * They are written under a temporary name, synced, and renamed over the old one: a crash leaves the old or the new.
 */
#ifndef GAN_IO_H
#define GAN_IO_H

#include "nn.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GAN_FILE_HEADER_MAX  (64u << 20) /* bytes of header that a reader accepts */
#define GAN_FILE_TENSORS_MAX 65536

/* ---- writing ---- */
typedef struct gan_file_writer gan_file_writer;
/* Collects names and tensors; nothing is written before gan_file_commit. NULL only when out of memory. */
GAN_API gan_file_writer *gan_file_writer_create(void);
GAN_API void gan_file_writer_destroy(gan_file_writer *writer);
/* The tensor's value is read at commit; it must live until then. f32, bf16, i32 and u8. Names must differ. */
GAN_API gan_status gan_file_add(gan_file_writer *writer, const char *name, const gan_tensor *tensor, gan_layout layout,
                                gan_message *message);
/* A 64-bit float as a scalar F64 tensor, exact. */
GAN_API gan_status gan_file_add_number(gan_file_writer *writer, const char *name, double value, gan_message *message);
/* Metadata; both are copied. */
GAN_API gan_status gan_file_add_text(gan_file_writer *writer, const char *key, const char *value, gan_message *message);
GAN_API gan_status gan_file_commit(gan_file_writer *writer, const char *path, gan_message *message);

/* ---- reading ---- */
typedef struct gan_file gan_file;
/* Opens and checks all of the file: lengths, header, offsets (in range, without overlap or holes), checksum.
 * Errors: GAN_ERROR_NOT_FOUND, GAN_ERROR_IO, GAN_ERROR_FORMAT, GAN_ERROR_CHECKSUM; the sentence has the path. */
GAN_API gan_status gan_file_open(const char *path, gan_file **out, gan_message *message);
/* The same from memory (copied), for tests and fuzzing. `name` stands for the path in messages. */
GAN_API gan_status gan_file_open_memory(const void *data, size_t size, const char *name, gan_file **out,
                                        gan_message *message);
GAN_API void gan_file_close(gan_file *file);

GAN_API int gan_file_count(const gan_file *file);
GAN_API const char *gan_file_name_at(const gan_file *file, int index);
GAN_API bool gan_file_has(const gan_file *file, const char *name);
/* Shape in the file's order; false if there is no such tensor. dtype is the safetensors name, "F32". */
GAN_API bool gan_file_info(const gan_file *file, const char *name, gan_shape *shape, const char **dtype);
/* Raw little-endian data as in the file and its size in bytes; owned by the file. NULL if there is none. */
GAN_API const void *gan_file_data(const gan_file *file, const char *name, size_t *bytes);
/* NULL if there is none. */
GAN_API const char *gan_file_text(const gan_file *file, const char *key);
/* Read into an existing tensor of the same shape (in the given layout); F64, F32, F16 and BF16 are converted to
 * the tensor's type. Errors: GAN_ERROR_NOT_FOUND, GAN_ERROR_SHAPE, GAN_ERROR_DTYPE, with the tensor's name. */
GAN_API gan_status gan_file_read(const gan_file *file, const char *name, gan_tensor *tensor, gan_layout layout,
                                 gan_message *message);
GAN_API gan_status gan_file_read_number(const gan_file *file, const char *name, double *value, gan_message *message);

#ifdef __cplusplus
}
#endif
#endif
