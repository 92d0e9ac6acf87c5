-- A plan lists every audio rendition (it had one or none), and says which picture each segment begins with.

update video set plan = jsonb_set(
    plan, '{source,audio}',
    case when plan #> '{source,audio}' = 'null' then '[]'::jsonb
         else jsonb_build_array(plan #> '{source,audio}' || '{"rendition": "audio"}') end)
where plan is not null and jsonb_typeof(plan #> '{source,audio}') <> 'array';

update video set plan = jsonb_set(plan, '{first}', (plan -> 'cuts') - -1)
where plan is not null and plan -> 'first' is null;
