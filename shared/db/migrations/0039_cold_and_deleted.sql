-- The cold tier, and what is left to do for videos that were deleted.

-- One of the six pieces of an erasure-coded object: any four give its bytes. Frozen is an object with shards and no replica.
create table shard (
    object_key text not null references object (key) on delete cascade,
    number     int not null check (number between 0 and 5),
    node_id    text not null references node (id),
    size       bigint not null,
    sha256     text not null,
    key        text not null,                        -- under which it lies on its node
    placed_at  timestamptz not null default now(),   -- it is durable
    primary key (object_key, number),
    unique (object_key, node_id)
);
create index shard_node on shard (node_id);

create trigger shard_came after insert on shard referencing new table as changed
    for each statement execute function placement_changed();
create trigger shard_went after delete on shard referencing old table as changed
    for each statement execute function placement_changed();

-- When a video was last watched, by the hour. Not in the video's row: what is cached of a video does not change with it.
create table watched (
    video_id text primary key references video (id) on delete cascade,
    at       timestamptz not null default now()
);
create index watched_at on watched (at);

-- A deleted video stays as an empty row: whatever comes late finds it, and does nothing.
alter table video drop constraint video_state_check;
alter table video
    add constraint video_state_check
        check (state in ('uploading', 'uploaded', 'planned', 'playable', 'ready', 'failed', 'deleted')),
    add column deleted_at timestamptz,
    add column emptied_at timestamptz,                -- nothing is left of it but `removal` rows
    add constraint video_deleted check ((state = 'deleted') = (deleted_at is not null));
create index video_deleted on video (deleted_at) where deleted_at is not null;

-- Bytes that are still to be removed from a node, which may be away for months.
create table removal (
    node_id      text not null,
    key          text not null,
    multipart_id text not null default '',           -- set: an upload in parts is to be dropped
    video_id     text not null,
    asked_at     timestamptz not null default now(),
    tried_at     timestamptz,
    trouble      text,                               -- why the last try failed
    primary key (node_id, key, multipart_id)
);
create index removal_video on removal (video_id);
