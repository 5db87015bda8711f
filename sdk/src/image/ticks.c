#include "image/ticks.h"

#include <math.h>
#include <stdio.h>

#define MOST_TICKS 50

gan__ticks gan__ticks_find(double low, double high, int wanted)
{
    double range = high - low, most = 1.25 * (wanted > 1 ? wanted : 1); /* a few more are better than far fewer */
    double power = pow(10, floor(log10(range / most))), step = power;
    if (range / step > most)
        step = 2 * power;
    if (range / step > most)
        step = 5 * power;
    if (range / step > most)
        step = 10 * power;
    /* A tick that rounding moved a little outside still counts. */
    double first = ceil(low / step - 1e-9), last = floor(high / step + 1e-9);
    gan__ticks ticks = {.first = first, .step = step};
    if (last >= first)
        ticks.n = last - first < MOST_TICKS ? (int)(last - first) + 1 : MOST_TICKS;
    if (ticks.n > 0)
        ticks.greatest = fmax(fabs(gan__tick_value(&ticks, 0)), fabs(gan__tick_value(&ticks, ticks.n - 1)));
    return ticks;
}

double gan__tick_value(const gan__ticks *ticks, int i)
{
    double steps = ticks->first + i;
    return steps == 0 ? 0 : steps * ticks->step; /* no -0 */
}

static int decimals_for(double step)
{
    double n = -floor(log10(step) + 1e-9);
    return n > 0 ? (int)n : 0;
}

static void scientific(const gan__ticks *ticks, double value, char out[GAN__TICK_TEXT])
{
    int exponent = (int)floor(log10(ticks->greatest) + 1e-9);
    int digits = exponent - (int)floor(log10(ticks->step) + 1e-9);
    double mantissa = value / pow(10, exponent);
    snprintf(out, GAN__TICK_TEXT, "%.*fe%d", digits < 0 ? 0 : digits > 15 ? 15 : digits, mantissa, exponent);
}

void gan__tick_text(const gan__ticks *ticks, int i, char out[GAN__TICK_TEXT])
{
    static const struct {
        double from, unit;
        const char *suffix;
    } units[] = {{1e10, 1e9, "G"}, {1e7, 1e6, "M"}, {1e4, 1e3, "k"}};
    double value = gan__tick_value(ticks, i);
    if (value == 0) {
        snprintf(out, GAN__TICK_TEXT, "0");
        return;
    }
    if (ticks->greatest >= 1e13 || ticks->step < 9.99e-5) {
        scientific(ticks, value, out);
        return;
    }
    for (int u = 0; u < 3; u++)
        if (ticks->greatest >= units[u].from && decimals_for(ticks->step / units[u].unit) <= 2) {
            snprintf(out, GAN__TICK_TEXT, "%.*f%s", decimals_for(ticks->step / units[u].unit), value / units[u].unit,
                     units[u].suffix);
            return;
        }
    snprintf(out, GAN__TICK_TEXT, "%.*f", decimals_for(ticks->step), value);
}
