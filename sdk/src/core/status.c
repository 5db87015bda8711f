#include <stdarg.h>
#include <stdio.h>

#include <gan/status.h>
#include <gan/version.h>

const char *gan_version(void)
{
    return GAN_VERSION_STRING;
}

const char *gan_status_name(gan_status status)
{
    switch (status) {
#define NAME(name, number, text)                                                                                       \
    case GAN_##name:                                                                                                   \
        return "GAN_" #name;
        GAN_STATUS_MAP(NAME)
#undef NAME
    }
    return "GAN_UNKNOWN";
}

const char *gan_status_text(gan_status status)
{
    switch (status) {
#define TEXT(name, number, text)                                                                                       \
    case GAN_##name:                                                                                                   \
        return text;
        GAN_STATUS_MAP(TEXT)
#undef TEXT
    }
    return "unknown status";
}

gan_status gan_fail(gan_message *message, gan_status status, const char *format, ...)
{
    if (message) {
        va_list args;
        va_start(args, format);
        vsnprintf(message->text, sizeof message->text, format, args);
        va_end(args);
    }
    return status;
}
