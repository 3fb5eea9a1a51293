/*
 * media: images that users upload and anyone may see. The tables that say what it consists of.
 */
#include "plugins/media/media.h"
#include "plugins/shared/address.h"

media_options the_media;

static const tl_route routes[] = {
    {TL_POST, "/v1/assets/images", upload_images, .auth = TL_AUTH_REQUIRED, .max_body = MEDIA_BODY_MAX},
    {TL_GET, "/v1/users/:username/images", list_images},
    {TL_GET, "/v1/users/:username/images/:file", download_image},
    {TL_DELETE, "/v1/users/:username/images/:file", remove_image, .auth = TL_AUTH_REQUIRED},
    {0},
};

static const tl_option options[] = {
    {"store", TL_OPTION_STRING, &the_media.store_name, .fallback = "media",
     .help = "the [store:NAME] that keeps the images"},
    {"api_url", TL_OPTION_STRING, &the_media.api_url, .fallback = "http://localhost:5000",
     .help = "address of this API, which the addresses of images begin with"},
    {"max_file_size", TL_OPTION_SIZE, &the_media.max_file_size, .fallback = "2M", .min = 1024, .max = 32 * 1024 * 1024,
     .help = "bytes an image file may have"},
    {"max_files", TL_OPTION_INT, &the_media.max_files, .fallback = "16", .min = 1, .max = 1000,
     .help = "image files of one upload; together they have at most 32M"},
    {"max_width", TL_OPTION_INT, &the_media.rules.max_width, .fallback = "16384", .min = 1, .max = 65535,
     .help = "pixels an image may be wide"},
    {"max_height", TL_OPTION_INT, &the_media.rules.max_height, .fallback = "16384", .min = 1, .max = 65535,
     .help = "pixels an image may be high"},
    {"max_pixels", TL_OPTION_INT, &the_media.rules.max_pixels, .fallback = "50000000", .min = 1, .max = 1000000000,
     .help = "width times height"},
    {"max_frames", TL_OPTION_INT, &the_media.rules.max_frames, .fallback = "1000", .min = 1, .max = 100000,
     .help = "frames an animation may have"},
    {"metadata", TL_OPTION_CHOICE, &the_media.metadata, .fallback = "strip", .choices = "strip|keep",
     .help = "strip takes EXIF, XMP and the like out of images, but for orientation and colour profile"},
    {"sweep_schedule", TL_OPTION_STRING, &the_media.sweep_schedule, .fallback = "*/10 * * * *",
     .help = "when what interrupted uploads have left is taken away, as five fields of cron; empty: never"},
    {0},
};

static const tl_service provides[] = {
    {TL_MEDIA_V1, &media_service},
    {0},
};

static const tl_command commands[] = {
    {"media", "fsck [--repair] [--types]", "finds what differs between images and their objects", media_command},
    {0},
};

static const tl_job jobs[] = {
    {"sweep", &the_media.sweep_schedule, .run = media_sweep, .help = "takes away what interrupted uploads have left"},
    {0},
};

static int init(void)
{
    media_options *m = &the_media;
    m->api_url_length = address_length(m->api_url);
    if (m->api_url_length == 0)
        return tl_refuse("api_url: " ADDRESS_EXPECTED ", found '%s'", m->api_url);
    m->rules.keep_metadata = strcmp(m->metadata, "keep") == 0;
    m->store = tl_store_named(m->store_name);
    if (!m->store)
        return tl_refuse("store = %s: expected the name of a store, found no section [store:%s]", m->store_name,
                         m->store_name);
    return TL_OK;
}

TL_PLUGIN(.name = "media", .version = "1.0.0", .summary = "Images that users upload", .routes = routes,
          .options = options, .provides = provides, .commands = commands, .jobs = jobs, .init = init);
