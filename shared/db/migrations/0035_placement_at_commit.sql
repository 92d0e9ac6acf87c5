-- A video's placement gets its new version when the transaction commits, once. Taken earlier, the row's lock would be
-- held while the transaction still waits for others: two that place the same init segment would wait for each other.

drop trigger replica_came on replica;
drop trigger replica_moved on replica;
drop trigger replica_went on replica;

alter table placement_version add column changed_by xid8;

create or replace function placement_changed() returns trigger language plpgsql as $$
declare
    key text := case tg_op when 'DELETE' then old.object_key else new.object_key end;
begin
    if key like 'videos/%' then
        insert into placement_version as p (video_id, version, changed_by)
        values (split_part(key, '/', 2), gen_random_uuid(), pg_current_xact_id())
        on conflict (video_id) do update set version = excluded.version, changed_by = excluded.changed_by
            where p.changed_by is distinct from excluded.changed_by;
    end if;
    return null;
end $$;
create constraint trigger replica_changed after insert or update or delete on replica
    deferrable initially deferred for each row execute function placement_changed();
