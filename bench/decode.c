/*
 * Decoding of image files: how many a thread reads and scales in a second. bench/torch_decode.py makes the files and
 * runs this beside PyTorch's loader.
 *
 *     bench_decode --data FOLDER [--threads N] [--seconds S] [--cpu-time]
 *
 * Every thread goes through the folder's PNG and JPEG files again and again: read, decode, resize to 64x64 with the
 * bilinear filter. --cpu-time counts the threads' processor time, for a machine that is busy otherwise.
 */
#include <gan/image.h>

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

#define SIDE         64
#define MOST_FILES   100000
#define MOST_THREADS 256

typedef struct job {
    char **paths;
    size_t count;
    double seconds;
    int64_t done; /* images */
    double took;
    gan_status status;
    gan_message message;
} job;

static gan_status one(const char *path, gan_message *message)
{
    gan_image image, scaled;
    gan_status status = gan_image_read(path, &image, message);
    if (status != GAN_OK)
        return status;
    status = gan_image_resize(&image, SIDE, SIDE, GAN_FILTER_BILINEAR, &scaled, message);
    gan_image_free(&image);
    if (status == GAN_OK)
        gan_image_free(&scaled);
    return status;
}

static void *work(void *argument)
{
    job *j = argument;
    for (size_t i = 0; i < j->count && i < 100 && j->status == GAN_OK; i++) /* caches are warm after that */
        j->status = one(j->paths[i], &j->message);
    double start = bench_now();
    while (j->status == GAN_OK && j->took < j->seconds) {
        for (int i = 0; i < 16 && j->status == GAN_OK; i++, j->done++)
            j->status = one(j->paths[(size_t)j->done % j->count], &j->message);
        j->took = bench_now() - start;
    }
    return NULL;
}

static size_t list(const char *folder, char **paths)
{
    size_t count = 0;
    DIR *dir = opendir(folder);
    for (struct dirent *e; dir && count < MOST_FILES && (e = readdir(dir));) {
        const char *dot = strrchr(e->d_name, '.');
        size_t size = strlen(folder) + strlen(e->d_name) + 2;
        if (dot && (strcmp(dot, ".png") == 0 || strcmp(dot, ".jpg") == 0) && (paths[count] = malloc(size)))
            snprintf(paths[count++], size, "%s/%s", folder, e->d_name);
    }
    if (dir)
        closedir(dir);
    return count;
}

/* Run all threads; false if one failed. */
static bool measure(job *jobs, int threads)
{
    pthread_t ids[MOST_THREADS];
    int started = 0;
    while (started < threads && pthread_create(&ids[started], NULL, work, &jobs[started]) == 0)
        started++;
    for (int i = 0; i < started; i++)
        pthread_join(ids[i], NULL);
    for (int i = 0; i < started; i++)
        if (jobs[i].status != GAN_OK) {
            fprintf(stderr, "%s\n", jobs[i].message.text);
            return false;
        }
    return started == threads;
}

int main(int argc, char **argv)
{
    const char *folder = NULL;
    int kept = 1;
    for (int i = 1; i < argc; i++) { /* the rest is the harness's */
        if (i + 1 < argc && strcmp(argv[i], "--data") == 0)
            folder = argv[++i];
        else
            argv[kept++] = argv[i];
    }
    bench_options options = {.threads = 1, .seconds = 3};
    if (!bench_parse(kept, argv, &options) || !folder || options.threads < 1 || options.threads > MOST_THREADS) {
        fprintf(stderr, "usage: bench_decode --data FOLDER [--threads N] [--seconds S] [--cpu-time]\n");
        return EXIT_FAILURE;
    }
    char **paths = calloc(MOST_FILES, sizeof *paths);
    size_t count = paths ? list(folder, paths) : 0;
    if (count == 0) {
        fprintf(stderr, "%s: no .png or .jpg files\n", folder);
        return EXIT_FAILURE;
    }
    static job jobs[MOST_THREADS];
    for (int i = 0; i < options.threads; i++)
        jobs[i] = (job){.paths = paths, .count = count, .seconds = options.seconds};
    bool good = measure(jobs, options.threads);
    double rate = 0;
    for (int i = 0; good && i < options.threads; i++)
        rate += (double)jobs[i].done / jobs[i].took;
    if (good)
        printf("{\"files\": %zu, \"threads\": %d, \"images_per_s\": %.1f, \"per_thread\": %.1f}\n", count,
               options.threads, rate, rate / options.threads);
    for (size_t i = 0; i < count; i++)
        free(paths[i]);
    free(paths);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
