-- When each shard was last compared with its checksum.
create table shard_check (
    object_key text not null,
    number     int not null,
    checked_at timestamptz not null default now(),
    primary key (object_key, number),
    foreign key (object_key, number) references shard (object_key, number) on delete cascade
);
create index shard_check_due on shard_check (checked_at, object_key, number);
insert into shard_check select object_key, number, placed_at from shard;

create function shard_recorded() returns trigger language plpgsql as $$
begin
    insert into shard_check (object_key, number) values (new.object_key, new.number);
    return null;
end $$;
create trigger shard_recorded after insert on shard for each row execute function shard_recorded();
