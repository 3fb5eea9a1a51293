/*
 * One transfer: what it sends, what it keeps of the answer, and the fiber that waits for it.
 */
#include <stdlib.h>
#include <string.h>

#include "core/objects/transfers.h"
#include "core/worker.h"

enum {
    STREAM_BUFFER = 128 * 1024 - 1, /* two of them: one fills while the other is read */
    RECEIVE_SIZE = 64 * 1024,       /* what libcurl hands over at once, at most */
};

static void move(transfer *t)
{
    t->active_at = loop_now(t->owner->worker);
}

static void wake(transfer *t)
{
    waiter *w = t->wait;
    t->wait = NULL;
    if (w)
        wait_finish(w);
}

static bool append(transfer_bytes *to, const void *bytes, size_t length)
{
    if (to->length + length + 1 > to->size) {
        size_t size = to->size ? to->size : 4096;
        while (size < to->length + length + 1)
            size *= 2;
        unsigned char *larger = realloc(to->bytes, size);
        if (!larger)
            return false;
        to->bytes = larger;
        to->size = size;
    }
    memcpy(to->bytes + to->length, bytes, length);
    to->length += length;
    to->bytes[to->length] = '\0';
    return true;
}

static bool is_success(const transfer *t)
{
    return transfer_status(t) / 100 == 2;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
    transfer *t = arg;
    size_t length = size * count;
    move(t);
    if (t->is_stream && is_success(t)) {
        if (t->filled.length > 0 && t->filled.length + length > STREAM_BUFFER) {
            t->is_paused = true;
            return CURL_WRITEFUNC_PAUSE;
        }
        if (!append(&t->filled, bytes, length))
            return 0;
        wake(t);
        return length;
    }
    t->is_too_large = t->filled.length + length > t->answer_limit;
    return !t->is_too_large && append(&t->filled, bytes, length) ? length : 0;
}

/* An empty line ends the headers; those of "100 Continue" are not the answer's. */
static size_t on_header(char *bytes, size_t size, size_t count, void *arg)
{
    transfer *t = arg;
    move(t);
    if (size * count == 2 && bytes[0] == '\r' && transfer_status(t) >= 200) {
        t->has_headers = true;
        if (t->is_stream && is_success(t))
            wake(t);
    }
    return size * count;
}

static size_t on_send(char *buffer, size_t size, size_t count, void *arg)
{
    transfer *t = arg;
    size_t left = t->length - t->sent;
    size_t length = size * count < left ? size * count : left;
    move(t);
    if (length > 0)
        memcpy(buffer, t->body + t->sent, length);
    t->sent += length;
    return length;
}

/* libcurl starts again when a kept connection turns out to be dead. */
static int on_rewind(void *arg, curl_off_t offset, int origin)
{
    transfer *t = arg;
    if (origin != SEEK_SET || offset < 0 || (size_t)offset > t->length)
        return CURL_SEEKFUNC_FAIL;
    t->sent = (size_t)offset;
    return CURL_SEEKFUNC_OK;
}

static bool set_headers(transfer *t, const char *const *headers)
{
    /* What libcurl would add is taken away: it would not be signed. */
    static const char *const unwanted[] = {"Accept:", "Expect:", "Content-Type:"};
    size_t first = 0;
    for (size_t i = 0; headers[i]; i++)
        first = strncasecmp(headers[i], "content-type:", 13) == 0 ? 1 : first;
    for (size_t i = 0; i < sizeof unwanted / sizeof *unwanted - first; i++) {
        struct curl_slist *longer = curl_slist_append(t->headers, unwanted[i]);
        if (!longer)
            return false;
        t->headers = longer;
    }
    for (; *headers; headers++) {
        struct curl_slist *longer = curl_slist_append(t->headers, *headers);
        if (!longer)
            return false;
        t->headers = longer;
    }
    return curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers) == CURLE_OK;
}

static void set_method(transfer *t, const char *method)
{
    if (strcmp(method, "HEAD") == 0) {
        curl_easy_setopt(t->easy, CURLOPT_NOBODY, 1L);
    } else if (strcmp(method, "PUT") == 0 || strcmp(method, "POST") == 0) {
        curl_easy_setopt(t->easy, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(t->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)t->length);
        curl_easy_setopt(t->easy, CURLOPT_READFUNCTION, on_send);
        curl_easy_setopt(t->easy, CURLOPT_READDATA, t);
        curl_easy_setopt(t->easy, CURLOPT_SEEKFUNCTION, on_rewind);
        curl_easy_setopt(t->easy, CURLOPT_SEEKDATA, t);
    }
    curl_easy_setopt(t->easy, CURLOPT_CUSTOMREQUEST, method);
}

static bool set_up(transfer *t, const transfer_plan *plan)
{
    CURL *easy = t->easy;
    curl_easy_setopt(easy, CURLOPT_PRIVATE, t);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t->error);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* none from the environment either */
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    /* Or ending a transfer would wait for a look-up of its host's name. */
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)plan->connect_timeout);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)RECEIVE_SIZE);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, t);
    if (plan->ca_file && *plan->ca_file)
        curl_easy_setopt(easy, CURLOPT_CAINFO, plan->ca_file);
    set_method(t, plan->method);
    return curl_easy_setopt(easy, CURLOPT_URL, plan->url) == CURLE_OK && set_headers(t, plan->headers);
}

transfer *transfer_start(transfers *all, const transfer_plan *plan)
{
    transfer *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->owner = all;
    t->body = plan->body;
    t->length = plan->length;
    t->stall_timeout = plan->stall_timeout;
    t->answer_limit = plan->answer_limit;
    t->is_stream = plan->is_stream;
    t->easy = transfers_handle(all);
    if (t->easy && set_up(t, plan) && transfers_add(t))
        return t;
    transfer_free(t);
    return NULL;
}

void transfer_over(transfer *t, transfer_end end)
{
    t->is_over = true;
    t->end = end;
    wake(t);
}

static void forget(waiter *w)
{
    transfer *t = w->owner;
    t->wait = NULL;
}

/* Until something has happened. */
static bool wait_for(transfer *t, tl_request *req, bool insist)
{
    waiter w;
    wait_init(&w, req, insist ? NULL : forget, t);
    t->wait = &w;
    return request_wait(req, &w) == TL_OK;
}

transfer_end transfer_wait(transfer *t, tl_request *req, bool insist)
{
    while (!t->is_over && !(t->is_stream && t->has_headers && is_success(t)))
        if (!wait_for(t, req, insist))
            return TRANSFER_CANCELLED;
    /* The end of a stream, a bad one too, is told by transfer_read, behind the bytes that came before it. */
    return t->is_stream && t->has_headers && is_success(t) ? TRANSFER_DONE : t->end;
}

transfer_end transfer_read(transfer *t, tl_request *req, const void **bytes, size_t *length)
{
    *bytes = "";
    *length = 0;
    while (t->filled.length == 0 && !t->is_over)
        if (!wait_for(t, req, false))
            return TRANSFER_CANCELLED;
    if (t->filled.length == 0)
        return t->end;
    transfer_bytes read = t->given;
    t->given = t->filled;
    t->filled = read;
    t->filled.length = 0;
    if (t->is_paused && !t->is_over)
        transfers_kick(t);
    *bytes = t->given.bytes;
    *length = t->given.length;
    return TRANSFER_DONE;
}

int transfer_status(const transfer *t)
{
    long status = 0;
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    return (int)status;
}

const char *transfer_header(const transfer *t, const char *name)
{
    struct curl_header *found;
    return curl_easy_header(t->easy, name, 0, CURLH_HEADER, -1, &found) == CURLHE_OK ? found->value : NULL;
}

const char *transfer_answer(const transfer *t, size_t *length)
{
    *length = t->is_stream && is_success(t) ? 0 : t->filled.length;
    return *length > 0 ? (const char *)t->filled.bytes : "";
}

const char *transfer_error(const transfer *t)
{
    return t->error;
}

void transfer_free(transfer *t)
{
    if (!t)
        return;
    transfers_remove(t);
    if (t->easy)
        curl_easy_cleanup(t->easy);
    curl_slist_free_all(t->headers);
    free(t->filled.bytes);
    free(t->given.bytes);
    free(t);
}
