-- Uploads: sources on their way in. The parts themselves are known to the node that receives them.

create table upload (
    id           text primary key,
    video_id     text not null,                      -- no foreign key: an expired upload outlives its video for a while
    owner_id     text not null,
    object_key   text not null unique,
    node_id      text not null references node (id),
    multipart_id text,                               -- null: it came in one request
    name         text not null,
    size         bigint not null,
    part_size    bigint,
    state        text not null default 'open' check (state in ('open', 'completed', 'aborted', 'expired')),
    created_at   timestamptz not null default now(),
    expires_at   timestamptz not null,
    closed_at    timestamptz
);
create index upload_due on upload (expires_at) where state = 'open';
create index upload_closed on upload (closed_at) where state <> 'open';
create index upload_video on upload (video_id);
