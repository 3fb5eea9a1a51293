/*
 * The jobs of password.c in the blocking pool, whose threads bound how many run at once.
 */
#include "plugins/auth/auth.h"

int password_make_waiting(tl_request *req, password_job *job)
{
    int result = tl_blocking(req, password_make, job);

    return result == TL_OK && !job->hash[0] ? TL_ERROR : result;
}

int password_verify_waiting(tl_request *req, password_job *job)
{
    return tl_blocking(req, password_verify, job);
}
