-- Events: the outbox, topics in Postgres (the embedded transport), and what consumers remember.

create table outbox (
    seq        bigint generated always as identity primary key,
    id         text not null,
    topic      text not null,
    key        text not null,
    event      jsonb not null,                       -- the CloudEvent in JSON form
    created_at timestamptz not null default now()
);

create table topic_record (
    position    bigint generated always as identity primary key,
    topic       text not null,
    key         text not null,
    event       jsonb not null,
    appended_at timestamptz not null default now()
);
create index topic_record_topic on topic_record (topic, position);

create table consumer_offset (
    consumer_group text not null,
    topic          text not null,
    position       bigint not null,
    primary key (consumer_group, topic)
);

create table delivery (
    consumer_group text not null,
    position       bigint not null,
    topic          text not null,
    key            text not null,
    attempt        int not null default 0,
    due_at         timestamptz not null default now(),
    primary key (consumer_group, position)
);
create index delivery_due on delivery (consumer_group, due_at);
create index delivery_key on delivery (consumer_group, key, position);

-- What a consumer has handled, and what it is at: the states of an idempotency record.
-- holder is null: handled. Otherwise a process holds the lease until lease_until.
create table inbox (
    consumer    text not null,
    source      text not null,
    id          text not null,
    holder      text,
    lease_until timestamptz,
    at          timestamptz not null default now(),
    primary key (consumer, source, id)
);
create index inbox_at on inbox (at);

-- Requests of a client in the present window. Unlogged: after a crash of the server counting begins anew.
create unlogged table rate_limit (
    name         text not null,
    client       text not null,
    window_start timestamptz not null,
    used         int not null,
    primary key (name, client)
);
