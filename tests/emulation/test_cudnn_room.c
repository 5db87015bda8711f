/* test_cudnn_room - a convolution for whose cuDNN workspace there is no memory is done without it, from then on. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <gan/gan.h>

enum { SIDE = 6, CHANNELS = 96, KERNEL = 3 }; /* weights of 324 KiB: as much is the emulated engine's workspace */

static int failures;

static void expect(bool holds, const char *what)
{
    if (!holds)
        printf("FAIL %s\n", what);
    failures += !holds;
}

static gan_context *open_device(const char *device, size_t limit)
{
    gan_message message;
    gan_context *ctx = NULL;
    gan_context_options options = {
        .struct_size = sizeof options, .device = device, .threads = 1, .seed = 3, .memory_limit = limit};
    if (gan_context_create(&options, &ctx, &message) != GAN_OK) {
        fprintf(stderr, "test_cudnn_room: %s\n", message.text);
        exit(2);
    }
    return ctx;
}

/* sum(x * w), and the most memory that it took. */
static size_t convolve(gan_context *ctx, float out[SIDE * SIDE * CHANNELS])
{
    gan_memory_reset_peak(ctx);
    gan_scope_begin(ctx);
    gan_random_set(ctx, (gan_random_state){.seed = 3});
    gan_tensor *x = gan_randn(ctx, GAN_SHAPE(1, SIDE, SIDE, CHANNELS));
    gan_tensor *w = gan_randn(ctx, GAN_SHAPE(CHANNELS, KERNEL, KERNEL, CHANNELS));
    gan_tensor *y = gan_conv2d(x, w, NULL, (gan_conv){.stride = 1, .pad = 1}, (gan_activation){GAN_LINEAR, 0});
    gan_read_f32(y, out);
    gan_scope_end(ctx, NULL);
    return gan_memory(ctx).bytes_peak;
}

static bool same(const float *a, const float *b)
{
    for (int i = 0; i < SIDE * SIDE * CHANNELS; i++)
        if (!(fabsf(a[i] - b[i]) <= 1e-4f))
            return false;
    return true;
}

int main(void)
{
    static float want[SIDE * SIDE * CHANNELS], got[SIDE * SIDE * CHANNELS];
    const size_t workspace = sizeof(float) * CHANNELS * KERNEL * KERNEL * CHANNELS;
    gan_context *cpu = open_device("cpu", 0), *roomy = open_device("cuda", 0);
    convolve(cpu, want);
    size_t most = convolve(roomy, got);
    expect(gan_status_of(roomy) == GAN_OK && same(got, want), "with room");
    expect(most > 2 * workspace, "the engine that is chosen has a workspace");

    gan_context *tight = open_device("cuda", most - workspace / 2);
    for (int run = 0; run < 2; run++) {
        size_t taken = convolve(tight, got);
        expect(gan_status_of(tight) == GAN_OK && same(got, want), "without room");
        expect(taken < most - workspace / 2, "less memory is taken");
    }
    gan_context_destroy(cpu);
    gan_context_destroy(roomy);
    gan_context_destroy(tight);
    printf("%d failures\n", failures);
    return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
