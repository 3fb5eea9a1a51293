/*
 * A JSON body checked against a handler's table. The first thing that is wrong is told, in this order: no body,
 * Content-Type, no JSON, no object, nothing in it, missing keys in the table's order, wrong values in the table's
 * order, keys that the table has not.
 */
#include <string.h>
#include <strings.h>
#include <utf8proc.h>

#include "core/http/private.h"
#include "core/json/json.h"

enum { SHOWN_BYTES = 100 };

static const char *skip_space(const char *text)
{
    return text + strspn(text, " \t");
}

/* "application/json", and any parameters, but no charset other than UTF-8. */
static bool is_json_type(const char *type)
{
    static const char name[] = "application/json";
    if (strncasecmp(type, name, sizeof name - 1) != 0)
        return false;
    type = skip_space(type + sizeof name - 1);
    if (*type != '\0' && *type != ';')
        return false;
    while (*type == ';') {
        type = skip_space(type + 1);
        size_t length = strcspn(type, ";");
        if (strncasecmp(type, "charset=", 8) == 0) {
            const char *value = type + 8;
            size_t value_length = length - 8;
            while (value_length > 0 && (value[value_length - 1] == ' ' || value[value_length - 1] == '\t'))
                value_length--;
            bool plain = value_length == 5 && strncasecmp(value, "utf-8", 5) == 0;
            bool quoted = value_length == 7 && strncasecmp(value, "\"utf-8\"", 7) == 0;
            if (!plain && !quoted)
                return false;
        }
        type += length;
    }
    return true;
}

static const char *type_name(tl_json_type type)
{
    switch (type) {
    case TL_JSON_BOOL:
        return "true or false";
    case TL_JSON_INT:
        return "an integer";
    case TL_JSON_DOUBLE:
        return "a number";
    case TL_JSON_STRING:
        return "a string";
    case TL_JSON_ARRAY:
        return "an array";
    case TL_JSON_OBJECT:
        return "an object";
    case TL_JSON_NULL:
        break;
    }
    return "null";
}

static size_t count_characters(const char *text)
{
    size_t count = 0;
    for (; *text; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

/* Whether the character is invisible: white space of any script, control characters, and what fonts give no width. */
static bool is_invisible(utf8proc_int32_t point)
{
    switch (utf8proc_category(point)) {
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_CC:
        return true;
    default:
        return utf8proc_get_property(point)->ignorable || point == 0x2800; /* the braille pattern without dots */
    }
}

static bool is_blank(const char *text)
{
    const utf8proc_uint8_t *at = (const utf8proc_uint8_t *)text;
    utf8proc_int32_t point = 0;

    while (*at && is_invisible(point)) {
        utf8proc_ssize_t used = utf8proc_iterate(at, -1, &point);
        if (used <= 0)
            return false;
        at += used;
    }
    return is_invisible(point);
}

/* True when the value is what the table asks for; answers when not. */
static bool check_value(tl_request *req, const tl_field *field, const tl_json *value)
{
    tl_json_type type = json_type_of(value);
    if (type == TL_JSON_NULL && field->nullable)
        return true;
    bool fits = type == field->type || (field->type == TL_JSON_DOUBLE && type == TL_JSON_INT);
    if (!fits) {
        http_fail(req, 400, "Expected '%s' to be %s%s", field->name, type_name(field->type),
                  field->nullable ? " or null" : "");
        return false;
    }
    if (type != TL_JSON_STRING)
        return true;
    const char *text = json_as_string(value);
    if (field->max_length > 0 && count_characters(text) > field->max_length) {
        http_fail(req, 400, "Expected '%s' to have at most %zu characters", field->name, field->max_length);
        return false;
    }
    if (field->not_blank && is_blank(text)) {
        http_fail(req, 400, "Expected '%s' not to be blank", field->name);
        return false;
    }
    return true;
}

typedef struct key_check {
    const tl_field *fields;
    const char *unknown;
} key_check;

static void check_key(const char *key, const tl_json *value, void *arg)
{
    (void)value;
    key_check *check = arg;
    for (const tl_field *field = check->fields; field->name; field++) {
        if (strcmp(field->name, key) == 0)
            return;
    }
    if (!check->unknown)
        check->unknown = key;
}

/* How much of a name that a client made up is told back: at most so many bytes, in whole characters. */
static int shown_length(const char *text)
{
    size_t length = strnlen(text, SHOWN_BYTES + 1);
    if (length <= SHOWN_BYTES)
        return (int)length;
    length = SHOWN_BYTES;
    while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80)
        length--;
    return (int)length;
}

static bool check_fields(tl_request *req, const tl_field *fields, const tl_json *body)
{
    for (const tl_field *field = fields; field->name; field++) {
        if (!field->optional && !json_get(body, field->name)) {
            http_fail(req, 400, "Expected '%s' key", field->name);
            return false;
        }
    }
    for (const tl_field *field = fields; field->name; field++) {
        const tl_json *value = json_get(body, field->name);
        if (value && !check_value(req, field, value))
            return false;
    }
    key_check check = {fields, NULL};
    json_each(body, check_key, &check);
    if (check.unknown)
        http_fail(req, 400, "Unknown key '%.*s'", shown_length(check.unknown), check.unknown);
    return check.unknown == NULL;
}

tl_json *http_json_body(tl_request *req, const tl_field *fields)
{
    if (!req->http)
        return NULL;
    size_t length;
    const char *text = http_body(req, &length);
    const char *type = http_header(req, "Content-Type");
    if (length == 0) {
        http_fail(req, 400, "Missing request body");
        return NULL;
    }
    if (!type || !is_json_type(type)) {
        http_fail(req, 415, "Expected Content-Type application/json");
        return NULL;
    }
    tl_json *body = json_parse(req, text, length);
    if (!body) {
        http_fail(req, 400, "Request body is not valid JSON");
        return NULL;
    }
    if (json_type_of(body) != TL_JSON_OBJECT) {
        http_fail(req, 400, "Request body is not a JSON object");
        return NULL;
    }
    if (json_count(body) == 0) {
        http_fail(req, 400, "Missing request body");
        return NULL;
    }
    return check_fields(req, fields, body) ? body : NULL;
}
