-- Jobs: what plugins do on a schedule, in the jobs process. These two tables are what servers with the same database agree by.

-- Since when a schedule counts: moments before that are not caught up on. A job that is switched off has an empty schedule.
CREATE TABLE job_schedules (
    plugin   text COLLATE "C" NOT NULL,
    job      text COLLATE "C" NOT NULL,
    schedule text NOT NULL,
    zone     text NOT NULL,
    since    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT job_schedules_pkey PRIMARY KEY (plugin, job)
);

-- One row a due moment that was run. Whoever inserts it runs it, and renews heartbeat_at as long as it lives: a row without
-- finished_at whose heartbeat is old belongs to a process that has died, and is taken over.
CREATE TABLE job_runs (
    plugin       text COLLATE "C" NOT NULL,
    job          text COLLATE "C" NOT NULL,
    due_at       timestamptz NOT NULL,
    started_at   timestamptz NOT NULL DEFAULT now(),
    heartbeat_at timestamptz NOT NULL DEFAULT now(),
    finished_at  timestamptz,
    attempts     integer NOT NULL DEFAULT 1,
    manual       boolean NOT NULL DEFAULT false,
    server       text NOT NULL,
    result       text,
    message      text NOT NULL DEFAULT '',
    CONSTRAINT job_runs_pkey PRIMARY KEY (plugin, job, due_at),
    CONSTRAINT job_runs_attempts_check CHECK (attempts >= 1),
    CONSTRAINT job_runs_result_check CHECK (result IN ('ok', 'failed', 'lost')),
    CONSTRAINT job_runs_finished_check CHECK ((finished_at IS NULL) = (result IS NULL))
);

-- At most one run of a job at a time.
CREATE UNIQUE INDEX job_runs_running ON job_runs (plugin, job) WHERE finished_at IS NULL;

COMMENT ON COLUMN job_runs.server IS 'host and number of the process that runs it, or ran it last';
COMMENT ON COLUMN job_runs.attempts IS 'starts of this run: a higher one takes it away from the process that had it';
COMMENT ON COLUMN job_runs.manual IS 'started by talelio jobs run, at due_at';
