/*
 * mode_coverage.c - how well generators of a mixture cover it, by the protocol of PacGAN (Lin et al. 2018).
 *
 *     mode_coverage builtin:ring8 RUN1.csv RUN2.csv ...
 *
 * Each file holds one trial's samples as `ganhost sample --out FILE.csv` writes them. Prints a line per trial, then the
 * mean over the trials and its standard error.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <gan/data.h>

enum { MAX_POINTS = 1 << 20 };

/* The last two numbers of each line that holds numbers. Returns how many points, -1 if the file cannot be read. */
static int64_t read_points(const char *path, float *points)
{
    FILE *file = fopen(path, "r");
    if (!file)
        return -1;
    char line[512];
    int64_t n = 0;
    while (n < MAX_POINTS && fgets(line, sizeof line, file)) {
        float value[2] = {0}, seen = 0;
        for (char *at = line, *end;; at = end + 1) {
            float v = strtof(at, &end);
            if (end == at)
                break;
            value[0] = value[1];
            value[1] = v;
            seen++;
            if (*end != ',')
                break;
        }
        if (seen >= 2) {
            points[2 * n] = value[0];
            points[2 * n + 1] = value[1];
            n++;
        }
    }
    fclose(file);
    return n;
}

typedef struct moments {
    double sum, squares;
} moments;

static void add(moments *m, double x)
{
    m->sum += x;
    m->squares += x * x;
}

static double mean(moments m, int n)
{
    return m.sum / n;
}

static double standard_error(moments m, int n)
{
    double variance = n > 1 ? (m.squares - m.sum * m.sum / n) / (n - 1) : 0.0;
    return variance > 0.0 ? sqrt(variance / n) : 0.0;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: mode_coverage builtin:ring8|builtin:grid25 FILE.csv...\n");
        return 2;
    }
    gan_message message;
    gan_dataset *data;
    const float *centres;
    float sigma;
    gan_data_options options = {.struct_size = sizeof options, .source = argv[1], .builtin_count = 100};
    if (gan_dataset_open(&options, &data, &message) != GAN_OK) {
        fprintf(stderr, "mode_coverage: %s\n", message.text);
        return 1;
    }
    float *points = malloc(2 * MAX_POINTS * sizeof *points);
    if (!points || !gan_dataset_mixture(data, &centres, &sigma)) {
        fprintf(stderr, "mode_coverage: %s is no mixture\n", argv[1]);
        return 1;
    }
    int64_t modes = gan_dataset_info(data)->classes;
    moments found = {0}, quality = {0}, kl = {0};
    int trials = argc - 2;
    for (int i = 0; i < trials; i++) {
        int64_t n = read_points(argv[i + 2], points);
        if (n < 1) {
            fprintf(stderr, "mode_coverage: %s holds no points\n", argv[i + 2]);
            return 1;
        }
        gan_coverage c = gan_mode_coverage(points, n, centres, modes, sigma);
        printf("| %d | %lld | %lld of %lld | %.1f %% | %.2f |\n", i + 1, (long long)n, (long long)c.modes,
               (long long)modes, 100.0 * c.high_quality, c.reverse_kl);
        add(&found, (double)c.modes);
        add(&quality, 100.0 * c.high_quality);
        add(&kl, c.reverse_kl);
    }
    printf("| mean ± standard error | | %.1f ± %.1f | %.1f ± %.1f %% | %.2f ± %.2f |\n", mean(found, trials),
           standard_error(found, trials), mean(quality, trials), standard_error(quality, trials), mean(kl, trials),
           standard_error(kl, trials));
    free(points);
    gan_dataset_close(data);
    return 0;
}
