-- The samples of waveforms. A station stores them before the record that refers to them.

create table json_logger.waveform (
    log bigint not null,
    start bigint not null,
    chunk int not null,
    data bytea not null,
    primary key (log, start, chunk)
);
alter table json_logger.waveform alter column data set storage external;  -- samples stay long

comment on table json_logger.waveform is
    'The samples of waveforms in chunks. Longer waveforms are only in the file of the station.';
comment on column json_logger.waveform.start is 'The offset in the reference of the record.';
comment on column json_logger.waveform.chunk is 'From 0, in the order of the samples.';

-- Store some chunks of waveforms of a log. To do this again is safe.
create function json_logger.store_waveforms(
    p_log bigint, p_generation bigint, p_starts bigint[], p_chunks int[], p_data bytea[]
) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '5s'
as $$
declare
    found_log json_logger.log;
begin
    select * into found_log from json_logger.log l where l.id = p_log and l.owner = session_user;
    if not found then
        raise exception 'role % has no log %', session_user, p_log using errcode = 'SS003';
    elsif found_log.generation <> p_generation then
        raise exception 'log % is copied by another generation', p_log using errcode = 'SS001';
    end if;
    insert into json_logger.waveform as w (log, start, chunk, data)
    select p_log, u.start, u.chunk, u.data
    from unnest(p_starts, p_chunks, p_data) as u (start, chunk, data)
    on conflict (log, start, chunk) do update set data = excluded.data
    where w.data <> excluded.data;
end
$$;

-- Return the digests of the samples of some waveforms, as far as they are here.
create function json_logger.waveform_digests(p_log bigint, p_starts bigint[])
returns table (start bigint, sha256 bytea)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
    select w.start, sha256(string_agg(w.data, '' order by w.chunk))
    from json_logger.waveform w
    where w.log = p_log and w.start = any(p_starts) and exists (
        select from json_logger.log l
        where l.id = p_log and (
            l.owner = session_user or pg_has_role(session_user, 'json_logger_reader', 'member'))
    )
    group by w.start
$$;

-- Remove some records of a log that was closed before a time, after its waveforms. Return how many
-- records; null if there is no such log any more.
create or replace function json_logger.prune(p_before timestamptz, p_rows int) returns bigint
language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
    closed_log bigint;
    removed bigint;
begin
    select l.id into closed_log from json_logger.log l
    where l.closed < p_before and (l.pruned is null or l.pruned < l.stored)
    order by l.id limit 1 for update;
    if not found then
        return null;
    end if;
    delete from json_logger.waveform w
    where w.log = closed_log and (w.start, w.chunk) in (
        select s.start, s.chunk from json_logger.waveform s where s.log = closed_log
        order by s.start, s.chunk limit p_rows / 50 + 1);
    if found then
        return 0;
    end if;
    delete from json_logger.record r
    where r.log = closed_log and r.seq in (
        select s.seq from json_logger.record s where s.log = closed_log order by s.seq limit p_rows);
    get diagnostics removed = row_count;
    if removed < p_rows then
        update json_logger.log l set pruned = clock_timestamp() where l.id = closed_log;
    end if;
    return removed;
end
$$;

grant select on json_logger.waveform to json_logger_reader;
revoke all on function
    json_logger.store_waveforms(bigint, bigint, bigint[], int[], bytea[]),
    json_logger.waveform_digests(bigint, bigint[])
from public;
grant execute on function
    json_logger.store_waveforms(bigint, bigint, bigint[], int[], bytea[])
to json_logger_station;
grant execute on function json_logger.waveform_digests(bigint, bigint[])
to json_logger_station, json_logger_reader;
