/* Rows of tables: embedding look-up and its gradient. */
#include "cpu.h"

static gan_status check_indices(gan__cpu *cpu, const int32_t *index, int64_t n, int64_t rows)
{
    for (int64_t i = 0; i < n; i++) {
        if (index[i] < 0 || index[i] >= rows)
            return gan__cpu_fail(cpu, GAN_ERROR_ARGUMENT, "index %d at position %lld is outside [0, %lld)",
                                 (int)index[i], (long long)i, (long long)rows);
    }
    return GAN_OK;
}

gan_status gan__cpu_gather_rows(gan__backend *be, const float *table, int64_t table_rows, int64_t width,
                                const int32_t *index, int64_t n, float *out)
{
    gan__cpu *cpu = gan__cpu_of(be);
    gan_status status = check_indices(cpu, index, n, table_rows);
    if (status != GAN_OK)
        return status;
    int threads = gan__cpu_threads(cpu, n * width);
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
    for (int64_t i = 0; i < n; i++)
        memcpy(out + i * width, table + index[i] * width, (size_t)width * sizeof *out);
    return GAN_OK;
}

/* Threads own columns, not rows: equal indices are then added by one thread, in order. */
gan_status gan__cpu_scatter_rows(gan__backend *be, const float *rows, const int32_t *index, int64_t n, int64_t width,
                                 int64_t out_rows, float *out)
{
    gan__cpu *cpu = gan__cpu_of(be);
    gan_status status = check_indices(cpu, index, n, out_rows);
    if (status != GAN_OK)
        return status;
    memset(out, 0, (size_t)(out_rows * width) * sizeof *out);
    int threads = gan__cpu_threads(cpu, n * width);
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
    for (int t = 0; t < threads; t++) {
        int64_t begin, end;
        gan__cpu_part(width, 16, threads, t, &begin, &end);
        for (int64_t i = 0; i < n; i++)
            cpu->isa.add_scaled_row(1.0f, rows + i * width + begin, out + index[i] * width + begin, end - begin);
    }
    return GAN_OK;
}
