-- What search needs beside its index, whichever engine holds that.

-- Orders the writes of one document: taken while the video is locked, so the later write has the higher number.
create sequence search_revision;

-- Changes with each write to the index; results are cached under the sum. Sixteen counters, of which each connection
-- uses one, so that writers seldom wait for one another. The sum becomes visible exactly when the write commits.
create table search_generation (
    slot       int primary key,
    generation bigint not null default 0,
    changed_at timestamptz not null default '-infinity'
);
insert into search_generation (slot) select n from generate_series(0, 15) as n;

-- The rebuild under way, if there is one: writers then write to both indexes.
create table search_build (
    one        boolean primary key default true check (one),
    index_name text not null,
    holder     text not null,
    renewed_at timestamptz not null default now()    -- a rebuild that stops renewing it was killed
);
