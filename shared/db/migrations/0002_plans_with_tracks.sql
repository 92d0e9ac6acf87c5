-- A plan lists every audio rendition (it had one or none), and says which picture each segment begins with.

update video set plan = jsonb_set(
    plan, '{source,audio}',
    case when plan #> '{source,audio}' = 'null' then '[]'::jsonb
         else jsonb_build_array(plan #> '{source,audio}' || '{"rendition": "audio"}') end)
where plan is not null and jsonb_typeof(plan #> '{source,audio}') <> 'array';

update video set plan = jsonb_set(plan, '{first}', (plan -> 'cuts') - -1)
where plan is not null and plan -> 'first' is null;

-- A film on its way whose pictures were counted, because its clock jumps, is planned anew: it is read another way now.
create temporary table planned_anew on commit drop as
    select id from video
    where state in ('planned', 'playable', 'failed') and (plan #>> '{source,counted}')::boolean;
delete from media_segment where video_id in (select id from planned_anew);
update video set state = case state when 'failed' then state else 'uploaded' end, plan = null, planned_at = null
where id in (select id from planned_anew);
