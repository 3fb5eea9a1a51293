/*
 * The members of a body and their rules.
 */
#include "plugins/articles/fields.h"

#include "plugins/shared/image_url.h"

#define FIELDS(is_optional)                                                                                            \
    {                                                                                                                  \
        {"title", TL_JSON_STRING, .optional = (is_optional), .max_length = 255, .not_blank = true},                    \
            {"body", TL_JSON_STRING, .optional = (is_optional), .max_length = 524288},                                 \
            {"meta_description", TL_JSON_STRING, .optional = (is_optional), .max_length = 500},                        \
            {"featured_image", TL_JSON_STRING, .optional = true, .nullable = true, .max_length = 2048}, {0},           \
    }

const tl_field fields_to_publish[] = FIELDS(false);
const tl_field fields_to_change[] = FIELDS(true);

tl_json *fields_read(tl_request *req, const tl_field *fields)
{
    tl_json *body = tl_json_body(req, fields);
    if (!body)
        return NULL;

    const char *image = tl_json_string(tl_json_get(body, "featured_image"));
    if (image && image[0] == '\0') { /* what a form sends for a field that was left empty */
        tl_json_set(body, "featured_image", NULL);
        return body;
    }
    if (image && !image_url_is_possible(image)) {
        tl_fail(req, 400, "Expected 'featured_image' to be a path, or an http or https URL, without spaces");
        return NULL;
    }
    return body;
}
