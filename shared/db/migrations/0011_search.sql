-- What can be found: PostgreSQL's full text as the embedded search index. shared/search/postgres/index.py writes it.

create table search_document (
    kind       text not null check (kind in ('video', 'message')),
    id         text not null,
    video_id   text not null,
    owner_id   text not null,                        -- of the video: who finds it while it is private
    visibility text not null check (visibility in ('public', 'private')),
    title      text not null,                        -- of the video
    body       text not null,                        -- the description, or what the message says
    tags       text[] not null,
    vector     tsvector not null,
    primary key (kind, id)
);
create index search_document_vector on search_document using gin (vector);
create index search_document_video on search_document (video_id);
