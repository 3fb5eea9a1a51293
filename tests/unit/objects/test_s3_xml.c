/*
 * S3's XML: what is understood, and what is not taken.
 */
#include "core/objects/s3_xml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static arena *the_arena;

static int open_arena(void **state)
{
    (void)state;
    the_arena = arena_new(NULL);
    return 0;
}

static int close_arena(void **state)
{
    (void)state;
    arena_free(the_arena);
    return 0;
}

static s3_answer *read_text(const char *text)
{
    return s3_xml_read(the_arena, text, strlen(text));
}

static void an_error_has_a_code(void **state)
{
    (void)state;
    s3_answer *a = read_text("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>NoSuchKey</Code>"
                             "<Message>The resource you requested does not exist</Message><Resource>/b/k</Resource>"
                             "<RequestId>4442587FB7D0A2F9</RequestId></Error>");
    assert_non_null(a);
    assert_string_equal(a->root, "Error");
    assert_string_equal(a->code, "NoSuchKey");
    assert_string_equal(a->upload_id, "");
}

static void a_list_has_items(void **state)
{
    (void)state;
    s3_answer *a = read_text("<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>b</Name>"
                             "<EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>"
                             "<Contents><Key>a%2Fb+c%2B%C3%A9%25</Key><LastModified>2013-05-24T00:00:01.250Z"
                             "</LastModified><ETag>&quot;e&amp;1&quot;</ETag><Size>12345678901</Size>"
                             "<Owner><ID>x</ID></Owner></Contents>"
                             "<CommonPrefixes><Prefix>p</Prefix></CommonPrefixes>"
                             "<Contents><Key>z</Key><Size>0</Size></Contents></ListBucketResult>");
    assert_non_null(a);
    assert_true(a->is_truncated);
    assert_int_equal(a->count, 2);
    assert_string_equal(a->items[0].key, "a/b c+\xc3\xa9%");
    assert_string_equal(a->items[0].etag, "\"e&1\"");
    assert_int_equal(a->items[0].size, 12345678901);
    assert_int_equal(a->items[0].modified, 1369353601250000);
    assert_string_equal(a->items[1].key, "z");
    assert_int_equal(a->items[1].modified, -1);
}

static void keys_are_decoded_only_when_they_were_encoded(void **state)
{
    (void)state;
    s3_answer *a = read_text("<ListBucketResult><Contents><Key>a%2Fb+c</Key><Size>1</Size></Contents>"
                             "</ListBucketResult>");
    assert_string_equal(a->items[0].key, "a%2Fb+c");
}

static void an_upload_has_an_id(void **state)
{
    (void)state;
    s3_answer *a = read_text("<InitiateMultipartUploadResult><Bucket>b</Bucket><Key>k</Key>"
                             "<UploadId>2~abc&lt;/+</UploadId></InitiateMultipartUploadResult>");
    assert_string_equal(a->upload_id, "2~abc</+");
}

static void blanks_may_come_first(void **state)
{
    (void)state;
    assert_string_equal(read_text(" \r\n\t <?xml version=\"1.0\"?><Error><Code>InternalError</Code></Error>")->code,
                        "InternalError");
}

static void long_texts_of_errors_are_passed_over(void **state)
{
    (void)state;
    char *text = malloc(200000);
    char *to = stpcpy(text, "<Error><Code>SignatureDoesNotMatch</Code><CanonicalRequest>");
    memset(to, 'x', 100000);
    strcpy(to + 100000, "</CanonicalRequest><HostId>h</HostId></Error>");
    s3_answer *a = read_text(text);
    assert_non_null(a);
    assert_string_equal(a->code, "SignatureDoesNotMatch");
    free(text);
}

static void what_is_not_sound_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "plain text",
        "<html><body><p>Bad gateway</body></html>",
        "<a>",
        "<a></b>",
        "<a/><b/>",
        "<a>\xff</a>",
        "<!DOCTYPE a><a/>",
        "<!DOCTYPE lolz [<!ENTITY lol \"lol\"><!ENTITY lol2 \"&lol;&lol;\">]><Error><Code>&lol2;</Code></Error>",
        "<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><Error><Code>&x;</Code></Error>",
        "<a><b><c><d><e><f><g><h><i/></h></g></f></e></d></c></b></a>",
        "<L><Contents></Contents></L>",
        "<L><Contents><Key></Key><Size>1</Size></Contents></L>",
        "<L><Contents><Key>a</Key><Size>-1</Size></Contents></L>",
        "<L><Contents><Key>a</Key><Size>1x</Size></Contents></L>",
        "<L><Contents><Key>a</Key><Size>99999999999999999999</Size></Contents></L>",
        "<L><EncodingType>url</EncodingType><Contents><Key>%zz</Key><Size>1</Size></Contents></L>",
        "<L><EncodingType>url</EncodingType><Contents><Key>a%2</Key><Size>1</Size></Contents></L>",
        "<L><EncodingType>url</EncodingType><Contents><Key>a%00b</Key><Size>1</Size></Contents></L>",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (read_text(bad[i]))
            fail_msg("taken: %s", bad[i]);
}

static void a_list_has_at_most_a_thousand_items(void **state)
{
    (void)state;
    char *text = malloc(100000), *to = stpcpy(text, "<L>");
    for (int i = 0; i < 1000; i++)
        to = stpcpy(to, "<Contents><Key>a</Key><Size>1</Size></Contents>");
    strcpy(to, "</L>");
    assert_int_equal(read_text(text)->count, 1000);
    strcpy(to, "<Contents><Key>a</Key><Size>1</Size></Contents></L>");
    assert_null(read_text(text));
    free(text);
}

static void times_are_exact(void **state)
{
    (void)state;
    assert_int_equal(s3_xml_time("1970-01-01T00:00:00Z"), 0);
    assert_int_equal(s3_xml_time("2013-05-24T00:00:00.000Z"), 1369353600000000);
    assert_int_equal(s3_xml_time("2013-05-24T00:00:00.123456789Z"), 1369353600123456);
    assert_int_equal(s3_xml_time("2013-05-24T00:00:00"), -1);
    assert_int_equal(s3_xml_time("2013-05-24T00:00:00+02:00"), -1);
    assert_int_equal(s3_xml_time("today"), -1);
    assert_int_equal(s3_xml_time(""), -1);
}

static void text_is_escaped(void **state)
{
    (void)state;
    assert_string_equal(s3_xml_escape(the_arena, "\"a&b<c>\""), "&quot;a&amp;b&lt;c&gt;&quot;");
    assert_string_equal(s3_xml_escape(the_arena, ""), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_has_a_code),
        cmocka_unit_test(a_list_has_items),
        cmocka_unit_test(keys_are_decoded_only_when_they_were_encoded),
        cmocka_unit_test(an_upload_has_an_id),
        cmocka_unit_test(blanks_may_come_first),
        cmocka_unit_test(long_texts_of_errors_are_passed_over),
        cmocka_unit_test(what_is_not_sound_is_refused),
        cmocka_unit_test(a_list_has_at_most_a_thousand_items),
        cmocka_unit_test(times_are_exact),
        cmocka_unit_test(text_is_escaped),
    };
    return cmocka_run_group_tests(tests, open_arena, close_arena);
}
