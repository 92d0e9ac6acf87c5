-- A video, and the media segments it is made of.

create table video (
    id          text primary key,
    owner_id    text not null,
    title       text not null,
    description text not null default '',
    tags        text[] not null default '{}',
    visibility  text not null default 'public' check (visibility in ('public', 'private')),
    state       text not null default 'uploading'
                check (state in ('uploading', 'uploaded', 'planned', 'playable', 'ready', 'failed')),
    reason      text,                                -- of the failure, for a person
    source_key  text,
    source_name text,
    source_size bigint,
    plan        jsonb,
    poster_key  text,
    storyboard  jsonb,
    attempts    int not null default 0,              -- times it was taken up again since it last made progress
    audio_done  boolean not null default false,      -- all audio segments are encoded, or there is no audio
    thumbnails_done boolean not null default false,  -- made, or impossible: the source is not needed for them
    created_at  timestamptz not null default now(),
    uploaded_at timestamptz,
    planned_at  timestamptz,
    playable_at timestamptz,
    ready_at    timestamptz,
    failed_at   timestamptz,
    indexed_at  timestamptz,
    updated_at  timestamptz not null default now()   -- of the last progress
);
create index video_list on video (visibility, state, created_at desc, id desc);
create index video_owner on video (owner_id, created_at desc, id desc);
create index video_unfinished on video (updated_at) where state in ('uploaded', 'planned', 'playable');

create table media_segment (
    id         text primary key,
    video_id   text not null references video (id) on delete cascade,
    rendition  text not null,                        -- '1080p' … or 'audio'
    index      int not null,
    object_key text,                                 -- null: not encoded yet
    init_key   text,
    start      bigint,                               -- in timescale
    duration   bigint,
    timescale  int,
    frames     int,
    codecs     text,                                 -- RFC 6381
    size       bigint,
    sha256     text,
    encoded_at timestamptz,
    placed_at  timestamptz,                          -- all its replicas are durable
    unique (video_id, rendition, index)
);
create index media_segment_object on media_segment (object_key);

-- Tells live streams of a video's state that something changed; the payload is the video's id.
create function notify_video() returns trigger language plpgsql as $$
begin
    perform pg_notify('wadi_video', case tg_table_name when 'video' then new.id else to_jsonb(new) ->> 'video_id' end);
    return null;
end $$;
create trigger video_changed after insert or update on video for each row execute function notify_video();
create trigger segment_changed after insert or update on media_segment for each row execute function notify_video();

-- Events that no retry could get handled.
create table dead_letter (
    source      text not null,
    id          text not null,
    type        text not null,
    subject     text,
    destination text,
    code        text,
    detail      text,
    at          timestamptz not null default now(),
    primary key (source, id)
);
