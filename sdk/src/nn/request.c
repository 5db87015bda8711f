/* request.c - what a plugin's sample is asked for. */
#include <stdlib.h>

#include <gan/plugin.h>

gan_tensor *gan_request_labels(gan_context *ctx, const gan_sample_request *request, int64_t classes)
{
    int64_t n = request->n;
    if (request->labels)
        return request->labels;
    int32_t *in_turn = n >= 0 && classes > 0 ? malloc((size_t)(n + 1) * sizeof *in_turn) : NULL;
    if (!in_turn) {
        gan_raise(ctx, GAN_ERROR_MEMORY, "no memory for the labels of %lld samples of %lld classes", (long long)n,
                  (long long)classes);
        n = 0;
    }
    for (int64_t i = 0; i < n; i++)
        in_turn[i] = (int32_t)(i % classes);
    gan_tensor *labels = gan_from_i32(ctx, GAN_SHAPE(n), in_turn);
    free(in_turn);
    return labels;
}
