-- What viewers say. seq is the order of a room: it is assigned under the room's lock (functions/messages/send_message.py),
-- so a reader who has seen one message will never see an earlier one appear.

create table message (
    id         text primary key,
    seq        bigint generated always as identity,
    video_id   text not null references video (id) on delete cascade,
    author_id  text not null references account (id) on delete cascade,
    body       text not null,
    created_at timestamptz not null
);
create unique index message_room on message (video_id, seq);
create index message_author on message (author_id);
