/*
 * options.c - option tables: parsing, checking and printing values; the nearest valid name.
 */
#include <gan/options.h>

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define OPTION_TEXT_MAX 4096 /* bytes of one value; longer ones are refused */
#define OPTION_NAME_MAX 64   /* bytes of a name that spelling help looks at */

typedef struct option_value {
    union {
        int64_t integer;
        double number;
        bool flag;
    };
    char *string;  /* strings and choices */
    int64_t *list; /* [count] */
    int count;
} option_value;

struct gan_options {
    const gan_option *table;
    int count;
    option_value values[];
};

static const gan_option empty_table[] = {{0}};

/* ---- spelling ---- */

static int min_int(int a, int b)
{
    return a < b ? a : b;
}

/* Optimal string alignment distance (Damerau 1964, Levenshtein 1966): insertions, deletions, substitutions and swaps of
 * neighbours, capitals taken as small letters. -1 if a name is too long to be looked at. */
static int edit_distance(const char *a, const char *b)
{
    size_t length_a = strlen(a), length_b = strlen(b);
    if (length_a > OPTION_NAME_MAX || length_b > OPTION_NAME_MAX)
        return -1;
    int rows[3][OPTION_NAME_MAX + 1];
    int *before = rows[0], *last = rows[1], *now = rows[2];
    for (int j = 0; j <= (int)length_b; j++)
        last[j] = j;
    for (int i = 1; i <= (int)length_a; i++) {
        now[0] = i;
        for (int j = 1; j <= (int)length_b; j++) {
            int ca = tolower((unsigned char)a[i - 1]), cb = tolower((unsigned char)b[j - 1]);
            int best = min_int(min_int(last[j], now[j - 1]) + 1, last[j - 1] + (ca != cb));
            if (i > 1 && j > 1 && ca == tolower((unsigned char)b[j - 2]) && cb == tolower((unsigned char)a[i - 2]))
                best = min_int(best, before[j - 2] + 1);
            now[j] = best;
        }
        int *free_row = before;
        before = last;
        last = now;
        now = free_row;
    }
    return last[length_b];
}

typedef struct nearest {
    const char *name;
    int distance;
} nearest;

/* A third of the letters may be wrong, and at least one must be right. */
static void consider(nearest *best, const char *wanted, const char *candidate)
{
    int distance = edit_distance(wanted, candidate);
    int shorter = min_int((int)strlen(wanted), (int)strlen(candidate));
    int longer = (int)strlen(wanted) + (int)strlen(candidate) - shorter;
    if (distance < 0 || distance >= shorter || distance > (longer + 2) / 3)
        return;
    if (!best->name || distance < best->distance)
        *best = (nearest){candidate, distance};
}

const char *gan_nearest_name(const char *name, const char *const *names)
{
    nearest best = {0};
    if (name && names)
        for (; *names; names++)
            consider(&best, name, *names);
    return best.name;
}

static int find_option(const gan_option *table, const char *name)
{
    for (int i = 0; name && table[i].name; i++)
        if (strcmp(table[i].name, name) == 0)
            return i;
    return -1;
}

/* ---- sentences ---- */

static bool is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f;
}

#define SHOWN_MAX 100

/* The text as it is shown in a message: cut to a sane length between two characters, control characters replaced. */
static const char *shown(const char *text, char out[SHOWN_MAX + 4])
{
    size_t length = strlen(text), cut = length;
    if (length > SHOWN_MAX - 3) {
        cut = SHOWN_MAX - 3;
        while (cut > 0 && ((unsigned char)text[cut] & 0xc0) == 0x80)
            cut--;
    }
    for (size_t i = 0; i < cut; i++)
        out[i] = is_control(text[i]) ? '?' : text[i];
    strcpy(out + cut, cut < length ? "..." : "");
    return out;
}

/* "C" numbers whatever the program's locale is, so that a file means the same everywhere. */
static bool parse_double(const char *text, char **end, double *out)
{
    locale_t c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!c_locale)
        return false;
    locale_t old = uselocale(c_locale);
    errno = 0;
    *out = strtod(text, end);
    uselocale(old);
    freelocale(c_locale);
    return *end != text;
}

/* The shortest decimal text that reads back as the same number. */
static const char *double_text(double value, char *out, size_t size)
{
    locale_t c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    locale_t old = uselocale(c_locale ? c_locale : (locale_t)0);
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(out, size, "%.*g", digits, value);
        if (strtod(out, NULL) == value)
            break;
    }
    uselocale(old);
    if (c_locale)
        freelocale(c_locale);
    return out;
}

static bool has_range(const gan_option *option)
{
    return option->min != 0 || option->max != 0;
}

/* " from 1 to 4096", " of at least 1", " of at most 9", or "". */
static const char *range_text(const gan_option *option, char out[96])
{
    char low[32], high[32];
    double_text(option->min, low, sizeof low);
    double_text(option->max, high, sizeof high);
    if (!has_range(option) || (isinf(option->min) && isinf(option->max)))
        out[0] = '\0';
    else if (isinf(option->max))
        snprintf(out, 96, " of at least %s", low);
    else if (isinf(option->min))
        snprintf(out, 96, " of at most %s", high);
    else
        snprintf(out, 96, " from %s to %s", low, high);
    return out;
}

/* Walk over "a|b|c": the next choice's length, and the text after it. */
static const char *next_choice(const char *choices, size_t *length)
{
    *length = strcspn(choices, "|");
    return choices + *length + (choices[*length] == '|');
}

/* "a", "a or b", "a, b or c". */
static void choices_text(const char *choices, char *out, size_t size)
{
    size_t used = 0, length;
    out[0] = '\0';
    for (bool first = true; *choices && used < size; first = false) {
        const char *rest = next_choice(choices, &length);
        const char *glue = first ? "" : *rest ? ", " : " or ";
        used += (size_t)snprintf(out + used, size - used, "%s%.*s", glue, (int)length, choices);
        choices = rest;
    }
}

static gan_status wrong_value(const gan_option *option, const char *expected, const char *text, gan_message *message)
{
    char value[SHOWN_MAX + 4], range[96];
    return gan_fail(message, GAN_ERROR_OPTION, "%s must be %s%s, but is \"%s\"", option->name, expected,
                    option->type == GAN_OPTION_STRING ? "" : range_text(option, range), shown(text, value));
}

/* ---- parsing ---- */

static bool in_range(const gan_option *option, double value)
{
    return !has_range(option) || (value >= option->min && value <= option->max);
}

static const char *skip_space(const char *text)
{
    return text + strspn(text, " \t");
}

/* One whole decimal number; *end is behind it. Hexadecimal and octal forms are not numbers here. */
static bool parse_integer(const char *text, const char **end, int64_t *out)
{
    const char *digits = text + (*text == '-' || *text == '+');
    size_t length = strspn(digits, "0123456789");
    errno = 0;
    int64_t value = strtoll(text, NULL, 10);
    *end = digits + length;
    *out = value;
    return length > 0 && errno == 0;
}

static gan_status parse_int_option(const gan_option *option, const char *text, option_value *out, gan_message *message)
{
    const char *end;
    int64_t value;
    if (!parse_integer(skip_space(text), &end, &value) || *skip_space(end) || !in_range(option, (double)value))
        return wrong_value(option, "a whole number", text, message);
    out->integer = value;
    return GAN_OK;
}

static gan_status parse_float_option(const gan_option *option, const char *text, option_value *out,
                                     gan_message *message)
{
    const char *start = skip_space(text);
    char *end;
    double value;
    /* strtod takes hexadecimal, "inf" and "nan" too: only plain decimal characters may be there. */
    if (start[strspn(start, "+-.0123456789eE \t")] || !parse_double(start, &end, &value) || *skip_space(end) ||
        !isfinite(value) || !in_range(option, value))
        return wrong_value(option, "a number", text, message);
    out->number = value;
    return GAN_OK;
}

static gan_status parse_bool_option(const gan_option *option, const char *text, option_value *out, gan_message *message)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on"};
    for (int i = 0; i < 6; i++) {
        if (strcasecmp(text, words[i]) == 0) {
            out->flag = i % 2 == 1;
            return GAN_OK;
        }
    }
    return wrong_value(option, "true or false", text, message);
}

static gan_status store_string(const gan_option *option, const char *text, option_value *out, gan_message *message)
{
    out->string = strdup(text);
    return out->string ? GAN_OK : gan_fail(message, GAN_ERROR_MEMORY, "out of memory for the option %s", option->name);
}

static gan_status parse_string_option(const gan_option *option, const char *text, option_value *out,
                                      gan_message *message)
{
    for (const char *c = text; *c; c++)
        if (is_control(*c))
            return wrong_value(option, "text on one line, without control characters", text, message);
    return store_string(option, text, out, message);
}

static gan_status parse_choice_option(const gan_option *option, const char *text, option_value *out,
                                      gan_message *message)
{
    nearest best = {0};
    char candidates[SHOWN_MAX * 4], *name = candidates;
    size_t length, space = sizeof candidates;
    for (const char *choice = option->choices; *choice;) {
        const char *rest = next_choice(choice, &length);
        if (strlen(text) == length && memcmp(text, choice, length) == 0)
            return store_string(option, text, out, message);
        if (length < space) {
            memcpy(name, choice, length);
            name[length] = '\0';
            consider(&best, text, name);
            name += length + 1;
            space -= length + 1;
        }
        choice = rest;
    }
    char all[512], value[SHOWN_MAX + 4];
    choices_text(option->choices, all, sizeof all);
    return gan_fail(message, GAN_ERROR_OPTION, "%s must be %s, but is \"%s\"%s%s%s", option->name, all,
                    shown(text, value), best.name ? "; did you mean \"" : "", best.name ? best.name : "",
                    best.name ? "\"?" : "");
}

/* "[256, 256]"; the brackets may be left out when there is at least one number. */
static gan_status parse_list_option(const gan_option *option, const char *text, option_value *out, gan_message *message)
{
    int64_t values[GAN_OPTION_LIST_MAX];
    int count = 0;
    const char *at = skip_space(text);
    bool bracket = *at == '[';
    at = skip_space(at + bracket);
    while (!(bracket && count == 0 && *at == ']')) {
        if (count == GAN_OPTION_LIST_MAX)
            return gan_fail(message, GAN_ERROR_OPTION, "%s must have at most %d numbers", option->name,
                            GAN_OPTION_LIST_MAX);
        if (!parse_integer(at, &at, &values[count]) || !in_range(option, (double)values[count]))
            return wrong_value(option, "a list such as [64, 32] of whole numbers", text, message);
        count++;
        at = skip_space(at);
        if (*at != ',')
            break;
        at = skip_space(at + 1);
    }
    if (bracket && *at++ != ']')
        return wrong_value(option, "a list such as [64, 32] of whole numbers", text, message);
    if (*skip_space(at))
        return wrong_value(option, "a list such as [64, 32] of whole numbers", text, message);
    out->list = malloc((size_t)(count ? count : 1) * sizeof *out->list);
    if (!out->list)
        return gan_fail(message, GAN_ERROR_MEMORY, "out of memory for the option %s", option->name);
    memcpy(out->list, values, (size_t)count * sizeof *values);
    out->count = count;
    return GAN_OK;
}

static gan_status parse_option(const gan_option *option, const char *text, option_value *out, gan_message *message)
{
    if (!text)
        return gan_fail(message, GAN_ERROR_OPTION, "%s has no value", option->name);
    if (strlen(text) > OPTION_TEXT_MAX)
        return gan_fail(message, GAN_ERROR_OPTION, "%s must have at most %d characters, but has %zu", option->name,
                        OPTION_TEXT_MAX, strlen(text));
    switch (option->type) {
    case GAN_OPTION_INT:
        return parse_int_option(option, text, out, message);
    case GAN_OPTION_FLOAT:
        return parse_float_option(option, text, out, message);
    case GAN_OPTION_BOOL:
        return parse_bool_option(option, text, out, message);
    case GAN_OPTION_STRING:
        return parse_string_option(option, text, out, message);
    case GAN_OPTION_CHOICE:
        return parse_choice_option(option, text, out, message);
    case GAN_OPTION_INT_LIST:
        return parse_list_option(option, text, out, message);
    }
    return gan_fail(message, GAN_ERROR_OPTION, "the option %s has the unknown type %d", option->name,
                    (int)option->type);
}

static void free_value(option_value *value)
{
    free(value->string);
    free(value->list);
    *value = (option_value){0};
}

/* ---- sets of values ---- */

static gan_status check_row(const gan_option *table, int row, gan_message *message)
{
    const gan_option *option = &table[row];
    if (find_option(table, option->name) != row)
        return gan_fail(message, GAN_ERROR_OPTION, "the option table has \"%s\" twice", option->name);
    if (!option->value)
        return gan_fail(message, GAN_ERROR_OPTION, "the option table has no default for \"%s\"", option->name);
    if (option->type == GAN_OPTION_CHOICE && (!option->choices || !*option->choices))
        return gan_fail(message, GAN_ERROR_OPTION, "the option table has no choices for \"%s\"", option->name);
    if (!(option->min <= option->max))
        return gan_fail(message, GAN_ERROR_OPTION, "the option table has a wrong range for \"%s\"", option->name);
    return GAN_OK;
}

gan_options *gan_options_create(const gan_option *table, gan_message *message)
{
    if (!table)
        table = empty_table;
    int count = 0;
    while (table[count].name)
        count++;
    gan_options *options = calloc(1, sizeof *options + (size_t)count * sizeof options->values[0]);
    if (!options) {
        gan_fail(message, GAN_ERROR_MEMORY, "out of memory for %d options", count);
        return NULL;
    }
    options->table = table;
    options->count = count;
    for (int i = 0; i < count; i++) {
        gan_message why = {{0}};
        if (check_row(table, i, message)) {
            gan_options_destroy(options);
            return NULL;
        }
        gan_status status = parse_option(&table[i], table[i].value, &options->values[i], &why);
        if (status) {
            gan_fail(message, status, "the option table has a wrong default: %.900s", why.text);
            gan_options_destroy(options);
            return NULL;
        }
    }
    return options;
}

void gan_options_destroy(gan_options *options)
{
    if (!options)
        return;
    for (int i = 0; i < options->count; i++)
        free_value(&options->values[i]);
    free(options);
}

static gan_status unknown_option(const gan_options *options, const char *name, gan_message *message)
{
    nearest best = {0};
    char value[SHOWN_MAX + 4];
    for (int i = 0; i < options->count; i++)
        consider(&best, name, options->table[i].name);
    if (best.name)
        return gan_fail(message, GAN_ERROR_OPTION, "there is no option \"%s\"; did you mean \"%s\"?",
                        shown(name, value), best.name);
    return gan_fail(message, GAN_ERROR_OPTION, "there is no option \"%s\"", shown(name, value));
}

gan_status gan_options_set(gan_options *options, const char *name, const char *text, gan_message *message)
{
    if (!options || !name)
        return gan_fail(message, GAN_ERROR_ARGUMENT, "gan_options_set: options and name must not be NULL");
    int row = find_option(options->table, name);
    if (row < 0)
        return unknown_option(options, name, message);
    option_value value = {0};
    gan_status status = parse_option(&options->table[row], text, &value, message);
    if (status)
        return status;
    free_value(&options->values[row]);
    options->values[row] = value;
    return GAN_OK;
}

/* The value of an option if it is of the one type or the other. */
static const option_value *typed(const gan_options *options, const char *name, gan_option_type a, gan_option_type b)
{
    int row = options ? find_option(options->table, name) : -1;
    if (row < 0 || (options->table[row].type != a && options->table[row].type != b))
        return NULL;
    return &options->values[row];
}

int64_t gan_options_int(const gan_options *options, const char *name)
{
    const option_value *value = typed(options, name, GAN_OPTION_INT, GAN_OPTION_INT);
    return value ? value->integer : 0;
}

double gan_options_float(const gan_options *options, const char *name)
{
    const option_value *value = typed(options, name, GAN_OPTION_FLOAT, GAN_OPTION_FLOAT);
    return value ? value->number : 0.0;
}

bool gan_options_bool(const gan_options *options, const char *name)
{
    const option_value *value = typed(options, name, GAN_OPTION_BOOL, GAN_OPTION_BOOL);
    return value ? value->flag : false;
}

const char *gan_options_string(const gan_options *options, const char *name)
{
    const option_value *value = typed(options, name, GAN_OPTION_STRING, GAN_OPTION_CHOICE);
    return value ? value->string : "";
}

int gan_options_int_list(const gan_options *options, const char *name, const int64_t **values)
{
    const option_value *value = typed(options, name, GAN_OPTION_INT_LIST, GAN_OPTION_INT_LIST);
    if (values)
        *values = value ? value->list : NULL;
    return value ? value->count : 0;
}

bool gan_options_is(const gan_options *options, const char *name, const char *choice)
{
    const option_value *value = typed(options, name, GAN_OPTION_STRING, GAN_OPTION_CHOICE);
    return value && choice && strcmp(value->string, choice) == 0;
}

static void list_text(const option_value *value, char *out, size_t size)
{
    size_t used = (size_t)snprintf(out, size, "[");
    for (int i = 0; i < value->count && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%" PRId64, i ? ", " : "", value->list[i]);
    if (used < size)
        snprintf(out + used, size - used, "]");
}

const char *gan_options_text(const gan_options *options, const char *name, char *out, size_t size)
{
    if (!out || size == 0)
        return "";
    out[0] = '\0';
    int row = options ? find_option(options->table, name) : -1;
    if (row < 0)
        return out;
    const option_value *value = &options->values[row];
    switch (options->table[row].type) {
    case GAN_OPTION_INT:
        snprintf(out, size, "%" PRId64, value->integer);
        break;
    case GAN_OPTION_FLOAT:
        double_text(value->number, out, size);
        break;
    case GAN_OPTION_BOOL:
        snprintf(out, size, "%s", value->flag ? "true" : "false");
        break;
    case GAN_OPTION_STRING:
    case GAN_OPTION_CHOICE:
        snprintf(out, size, "%s", value->string);
        break;
    case GAN_OPTION_INT_LIST:
        list_text(value, out, size);
        break;
    }
    return out;
}

const gan_option *gan_options_table(const gan_options *options)
{
    return options ? options->table : empty_table;
}
