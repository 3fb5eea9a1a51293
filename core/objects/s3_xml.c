/*
 * Reading S3's XML with expat. The elements that matter are in a table, by where they are; what is in no table passes.
 */
#include "core/objects/s3_xml.h"

#include <expat.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    MOST_ITEMS = 1000,
    DEEPEST = 8,
    LONGEST_PATH = 256,
    LONGEST_TEXT = 4096, /* a key of 1024 bytes, percent-encoded */
};

typedef struct reading {
    arena *memory;
    XML_Parser parser;
    s3_answer *answer;
    char path[LONGEST_PATH]; /* "/Contents/Key": without the root */
    size_t depth;
    char text[LONGEST_TEXT + 1]; /* of the element that was opened last */
    size_t length;
    bool is_cut; /* there was more of it */
    s3_item item;
} reading;

static void stop(reading *r)
{
    XML_StopParser(r->parser, XML_FALSE);
}

int64_t s3_xml_time(const char *text)
{
    struct tm utc = {0};
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &utc);
    if (!rest)
        return -1;
    int64_t fraction = 0, unit = 100000;
    if (*rest == '.')
        for (rest++; *rest >= '0' && *rest <= '9'; rest++, unit /= 10)
            fraction += (*rest - '0') * unit;
    if (strcmp(rest, "Z") != 0)
        return -1;
    return (int64_t)timegm(&utc) * 1000000 + fraction;
}

static int64_t number(const char *text)
{
    size_t length = strspn(text, "0123456789");
    return length > 0 && length <= 18 && !text[length] ? strtoll(text, NULL, 10) : -1;
}

static void begin_element(void *arg, const XML_Char *name, const XML_Char **attributes)
{
    reading *r = arg;
    (void)attributes;
    r->length = 0;
    r->is_cut = false;
    if (r->depth == 0) {
        r->answer->root = arena_copy(r->memory, name);
    } else {
        size_t used = strlen(r->path);
        if (r->depth == DEEPEST || used + strlen(name) + 2 > sizeof r->path) {
            stop(r);
            return;
        }
        snprintf(r->path + used, sizeof r->path - used, "/%s", name);
    }
    r->depth++;
    bool is_upload = strcmp(r->path, "/Upload") == 0;
    if ((is_upload || strcmp(r->path, "/Contents") == 0) && r->depth == 2)
        r->item = (s3_item){.key = "", .etag = "", .upload_id = "", .size = is_upload ? 0 : -1, .modified = -1};
}

static void take_text(void *arg, const XML_Char *text, int length)
{
    reading *r = arg;
    /* Errors repeat what was signed, at any length. What is needed is short. */
    if (r->is_cut || (size_t)length > LONGEST_TEXT - r->length) {
        r->is_cut = true;
        return;
    }
    memcpy(r->text + r->length, text, (size_t)length);
    r->length += (size_t)length;
}

static void end_item(reading *r)
{
    s3_answer *a = r->answer;
    if (a->count == MOST_ITEMS || !*r->item.key || r->item.size < 0) {
        stop(r);
        return;
    }
    if (!a->items)
        a->items = arena_alloc(r->memory, MOST_ITEMS * sizeof *a->items);
    a->items[a->count++] = r->item;
}

static void take_value(reading *r)
{
    const struct {
        const char *path;
        const char **target;
    } strings[] = {
        {"/Code", &r->answer->code},     {"/UploadId", &r->answer->upload_id},
        {"/Contents/Key", &r->item.key}, {"/Contents/ETag", &r->item.etag},
        {"/Upload/Key", &r->item.key},   {"/Upload/UploadId", &r->item.upload_id},
    };
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++)
        if (strcmp(r->path, strings[i].path) == 0) {
            *strings[i].target = arena_copy(r->memory, r->text);
            if (r->is_cut)
                stop(r);
        }
    if (strcmp(r->path, "/IsTruncated") == 0)
        r->answer->is_truncated = strcmp(r->text, "true") == 0;
    else if (strcmp(r->path, "/EncodingType") == 0)
        r->answer->is_url_encoded = strcmp(r->text, "url") == 0;
    else if (strcmp(r->path, "/Contents/Size") == 0)
        r->item.size = number(r->text);
    else if (strcmp(r->path, "/Contents/LastModified") == 0 || strcmp(r->path, "/Upload/Initiated") == 0)
        r->item.modified = s3_xml_time(r->text);
}

static void end_element(void *arg, const XML_Char *name)
{
    reading *r = arg;
    (void)name;
    r->text[r->length] = '\0';
    if (strcmp(r->path, "/Contents") == 0 || strcmp(r->path, "/Upload") == 0)
        end_item(r);
    else
        take_value(r);
    r->length = 0;
    r->is_cut = false;
    r->depth--;
    char *slash = strrchr(r->path, '/');
    if (slash)
        *slash = '\0';
}

/* Nothing that S3 answers has one, and entities are all that it is good for. */
static void refuse_doctype(void *arg, const XML_Char *name, const XML_Char *system, const XML_Char *public,
                           int internal)
{
    (void)name, (void)system, (void)public, (void)internal;
    stop(arg);
}

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* In place; false when it is no such encoding, or has a NUL. */
static bool decode(char *text)
{
    char *to = text;
    for (const char *from = text; *from; from++) {
        if (*from != '%') {
            *to++ = *from == '+' ? ' ' : *from;
            continue;
        }
        int high = hex(from[1]), low = high < 0 ? -1 : hex(from[2]);
        if (low < 0 || (high == 0 && low == 0))
            return false;
        *to++ = (char)(high << 4 | low);
        from += 2;
    }
    *to = '\0';
    return true;
}

static bool decode_keys(s3_answer *answer)
{
    for (size_t i = 0; answer->is_url_encoded && i < answer->count; i++)
        if (!decode((char *)answer->items[i].key))
            return false;
    return true;
}

s3_answer *s3_xml_read(arena *a, const char *text, size_t length)
{
    /* Blanks keep the connection open while a large object is put together, even before the declaration. */
    while (length > 0 && (*text == ' ' || *text == '\n' || *text == '\r' || *text == '\t')) {
        text++;
        length--;
    }
    reading *r = arena_alloc(a, sizeof *r);
    r->memory = a;
    r->answer = arena_alloc(a, sizeof *r->answer);
    r->answer->root = r->answer->code = r->answer->upload_id = "";
    r->item = (s3_item){.key = "", .etag = "", .upload_id = ""};
    r->parser = XML_ParserCreate("UTF-8");
    if (!r->parser || length > INT32_MAX) {
        XML_ParserFree(r->parser);
        return NULL;
    }
    XML_SetUserData(r->parser, r);
    XML_SetElementHandler(r->parser, begin_element, end_element);
    XML_SetCharacterDataHandler(r->parser, take_text);
    XML_SetStartDoctypeDeclHandler(r->parser, refuse_doctype);
    bool is_read = XML_Parse(r->parser, text, (int)length, XML_TRUE) == XML_STATUS_OK;
    XML_ParserFree(r->parser);
    return is_read && decode_keys(r->answer) ? r->answer : NULL;
}

const char *s3_xml_escape(arena *a, const char *text)
{
    static const struct {
        char c;
        const char *entity;
    } entities[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}};
    char *escaped = arena_alloc_raw(a, strlen(text) * 6 + 1), *to = escaped;
    for (; *text; text++) {
        const char *entity = NULL;
        for (size_t i = 0; i < sizeof entities / sizeof *entities; i++)
            entity = entities[i].c == *text ? entities[i].entity : entity;
        if (entity)
            to = stpcpy(to, entity);
        else
            *to++ = *text;
    }
    *to = '\0';
    return escaped;
}
