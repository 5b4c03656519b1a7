-- Logs, their records, and the functions by which stations copy them. The role json_logger_owner
-- runs this file. Stations may only execute functions; each function checks that the caller owns
-- the log.

create table json_logger.migration (
    number int primary key,
    applied timestamptz not null default clock_timestamp()
);

create table json_logger.log (
    id bigint generated always as identity primary key,
    uid uuid not null unique,
    series bigint not null,
    station text not null,
    name text not null,
    owner text not null default session_user,
    generation bigint not null default 1,
    first_seq bigint not null,
    last_seq bigint not null,
    last_sha256 bytea,
    opened timestamptz not null default clock_timestamp(),
    stored timestamptz,
    closed timestamptz,
    pruned timestamptz,
    check (last_seq >= first_seq - 1 and first_seq >= 1)
) with (fillfactor = 50);

create index log_of_station on json_logger.log (station, name, last_seq);

comment on table json_logger.log is 'One row for each file of a log.';
comment on column json_logger.log.uid is 'Computed from the station and the first line of the file.';
comment on column json_logger.log.series is
    'The id of the first file of the log. Files that rotation made have the same series.';
comment on column json_logger.log.name is 'Path of the log below its log folder on the station.';
comment on column json_logger.log.owner is 'The role that copies the log; only it may add records.';
comment on column json_logger.log.generation is 'A copier with another generation is refused.';
comment on column json_logger.log.last_seq is 'Number of the last record that is here.';
comment on column json_logger.log.last_sha256 is 'Digest of the last line.';
comment on column json_logger.log.stored is 'When the last record arrived, by the clock of the store.';
comment on column json_logger.log.closed is
    'When the station closed the log and everything was here; null for an open log.';
comment on column json_logger.log.pruned is 'When the records were removed by `store prune`.';

-- There is no foreign key: each insert has locked the row of its log, and logs are never deleted.
create table json_logger.record (
    log bigint not null,
    seq bigint not null,
    client_seq bigint,
    at timestamptz,
    stored timestamptz not null default clock_timestamp(),
    ns smallint,
    client text,
    name text not null,
    line json,
    parked bytea,
    refusal text,
    primary key (log, seq),
    check ((line is null) <> (parked is null))
);

create index record_at on json_logger.record using brin (at);
create index record_name on json_logger.record (name, at);
create index record_parked on json_logger.record (log, seq) where line is null;

comment on table json_logger.record is 'One row for each record of a log: seq has no gaps.';
comment on column json_logger.record.at is 'Time of the measurement, by the clock of the station.';
comment on column json_logger.record.ns is 'Nanoseconds of that time, beyond its microseconds.';
comment on column json_logger.record.stored is 'When it arrived here, by the clock of the store.';
comment on column json_logger.record.client is 'Public name of the client that wrote the record.';
comment on column json_logger.record.client_seq is 'Number in the count of that client.';
comment on column json_logger.record.name is
    'Name of the measurement, at most 200 characters; the line has the whole name.';
comment on column json_logger.record.line is 'The line of the file, byte for byte.';
comment on column json_logger.record.parked is 'Instead of line: the bytes of a line that is no JSON for this server.';
comment on column json_logger.record.refusal is 'Why it is parked.';

create function json_logger.version() returns int
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$ select max(number) from json_logger.migration $$;

create function json_logger.open_log(p_uid uuid, p_station text, p_name text, p_first_seq bigint)
returns table (id bigint, generation bigint, last_seq bigint, last_sha256 bytea)
language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '5s'
as $$
declare
    found_log json_logger.log;
    new_id bigint;
begin
    select * into found_log from json_logger.log l where l.uid = p_uid;
    if not found then
        new_id := nextval(pg_get_serial_sequence('json_logger.log', 'id'));
        insert into json_logger.log (id, uid, series, station, name, first_seq, last_seq)
        overriding system value
        values (
            new_id, p_uid,
            coalesce((
                select l.series from json_logger.log l
                where p_first_seq > 1 and l.station = p_station and l.name = p_name
                  and l.last_seq = p_first_seq - 1 and l.owner = session_user
                order by l.id desc limit 1
            ), new_id),
            p_station, p_name, p_first_seq, p_first_seq - 1
        )
        on conflict do nothing;
        select * into found_log from json_logger.log l where l.uid = p_uid;
    end if;
    if found_log.owner <> session_user then
        raise exception 'log % belongs to another role than %', found_log.id, session_user
            using errcode = 'SS003';
    end if;
    return query
        select found_log.id, found_log.generation, found_log.last_seq, found_log.last_sha256;
end
$$;

-- Move last_seq of a log forward, if it still is where the caller believes it to be.
create function json_logger.move_on(
    p_log bigint, p_generation bigint, p_prev_seq bigint, p_n int, p_last_line bytea
) returns bigint
language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
    found_log json_logger.log;
begin
    update json_logger.log l
    set last_seq = p_prev_seq + p_n, last_sha256 = sha256(p_last_line),
        stored = clock_timestamp(), closed = null
    where l.id = p_log and l.owner = session_user and l.generation = p_generation
      and l.last_seq = p_prev_seq;
    if found then
        return p_prev_seq + p_n;
    end if;
    select * into found_log from json_logger.log l where l.id = p_log and l.owner = session_user;
    if not found then
        raise exception 'role % has no log %', session_user, p_log using errcode = 'SS003';
    elsif found_log.generation <> p_generation then
        raise exception 'log % is copied by another generation', p_log using errcode = 'SS001';
    end if;
    raise exception 'log % ends with record %, not %', p_log, found_log.last_seq, p_prev_seq
        using errcode = 'SS002';
end
$$;

-- Add n records to a log. p_lines has their lines, p_heads has a JSON array for each of them:
-- [client, client_seq, timestamp, name]; both are separated by newlines.
create function json_logger.replicate(
    p_log bigint, p_generation bigint, p_prev_seq bigint, p_n int, p_heads text, p_lines text
) returns bigint
language plpgsql security definer
set search_path = pg_catalog, pg_temp set lock_timeout = '5s' set work_mem = '64MB'
as $$
declare
    v_heads text[] := string_to_array(p_heads, E'\n');
    v_lines text[] := string_to_array(p_lines, E'\n');
    last_seq bigint;
begin
    if p_n < 1 or cardinality(v_heads) <> p_n or cardinality(v_lines) <> p_n then
        raise exception '% heads and % lines came for % records',
            cardinality(v_heads), cardinality(v_lines), p_n using errcode = '22023';
    end if;
    last_seq := json_logger.move_on(
        p_log, p_generation, p_prev_seq, p_n, convert_to(v_lines[p_n], 'UTF8'));
    -- `offset 0` keeps the planner from parsing a head again for each column.
    insert into json_logger.record (log, seq, client, client_seq, at, ns, name, line)
    select p_log, p_prev_seq + i, nullif(client, ''), nullif(client_seq, 0),
        case when length(moment) > 27 then left(moment, 26) || 'Z'
            else nullif(moment, '') end::timestamptz,
        case when length(moment) > 27
            then rpad(substr(moment, 27, length(moment) - 27), 3, '0')::smallint end,
        name, line::json
    from (
        select head ->> 0 as client, (head ->> 1)::bigint as client_seq, head ->> 2 as moment,
            head ->> 3 as name, line, i
        from (
            select h::jsonb as head, line, i
            from unnest(v_heads, v_lines) with ordinality as u (h, line, i)
            offset 0
        ) as parsed
        offset 0
    ) as rows;
    return last_seq;
end
$$;

-- Add one record that the function replicate refuses; keep its bytes.
create function json_logger.park(
    p_log bigint, p_generation bigint, p_prev_seq bigint, p_head text, p_line bytea, p_refusal text
) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '5s'
as $$
declare
    head jsonb := p_head;
    last_seq bigint;
begin
    last_seq := json_logger.move_on(p_log, p_generation, p_prev_seq, 1, p_line);
    insert into json_logger.record (log, seq, client, client_seq, name, parked, refusal)
    values (p_log, last_seq, nullif(head ->> 0, ''), nullif((head ->> 1)::bigint, 0), head ->> 3,
            p_line, left(p_refusal, 1000));
    return last_seq;
end
$$;

-- Try parked records of the caller again, for example after an upgrade of the server.
create function json_logger.retry_parked() returns table (log bigint, seq bigint, refusal text)
language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '5s'
as $$
declare
    r record;
begin
    for r in
        select p.log, p.seq, p.parked
        from json_logger.record p join json_logger.log l on l.id = p.log
        where p.line is null and l.owner = session_user
        order by p.log, p.seq
    loop
        log := r.log;
        seq := r.seq;
        refusal := null;
        begin
            update json_logger.record p
            set line = convert_from(r.parked, 'UTF8')::json, parked = null, refusal = null
            where p.log = r.log and p.seq = r.seq;
        exception when others then
            refusal := sqlerrm;
        end;
        return next;
    end loop;
end
$$;

-- Note that the station has closed a log, and that all its records are here.
create function json_logger.close_log(p_log bigint, p_last_seq bigint) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '5s'
as $$
begin
    update json_logger.log l set closed = clock_timestamp()
    where l.id = p_log and l.owner = session_user and l.last_seq = p_last_seq
      and l.closed is null;
    return found;
end
$$;

-- List the logs of the caller; all logs for readers.
create function json_logger.logs()
returns table (
    id bigint, uid uuid, series bigint, station text, name text, first_seq bigint, last_seq bigint,
    opened timestamptz, stored timestamptz, closed timestamptz, pruned timestamptz, parked bigint,
    refusal text
)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
    select l.id, l.uid, l.series, l.station, l.name, l.first_seq, l.last_seq, l.opened, l.stored,
        l.closed, l.pruned, p.parked, p.refusal
    from json_logger.log l
    cross join lateral (
        select count(*) as parked, min(r.seq || ': ' || r.refusal) as refusal
        from json_logger.record r where r.log = l.id and r.line is null
    ) as p
    where l.owner = session_user or pg_has_role(session_user, 'json_logger_reader', 'member')
    order by l.station, l.name, l.id
$$;

-- Return the number of records in a range, and the digest of their lines, joined by newlines.
create function json_logger.digest(p_log bigint, p_from bigint, p_to bigint)
returns table (n bigint, sha256 bytea)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
    select count(*), sha256(string_agg(
        coalesce(r.parked, convert_to(r.line::text, 'UTF8')), '\x0a' order by r.seq))
    from json_logger.record r
    where r.log = p_log and r.seq between p_from and p_to and exists (
        select from json_logger.log l
        where l.id = p_log and (
            l.owner = session_user or pg_has_role(session_user, 'json_logger_reader', 'member'))
    )
$$;

-- Remove some records of a log that was closed before a time. Return how many; null if there is
-- no such log any more.
create function json_logger.prune(p_before timestamptz, p_rows int) returns bigint
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

-- Return a line as jsonb; null if jsonb cannot hold it: it has no \u0000 and no lone surrogate.
create function json_logger.as_jsonb(p_line json) returns jsonb
language plpgsql immutable strict set search_path = pg_catalog, pg_temp
as $$
begin
    return p_line::jsonb;
exception when others then
    return null;
end
$$;

create view json_logger.measurement as
select l.station, l.name as log_name, l.series, r.seq, r.at, coalesce(r.ns, 0) as ns, r.stored,
    r.name, r.client, fields ->> 'writer' as writer,
    fields -> 'measurement_configurations' as configurations,
    fields -> 'measurement_outputs' as outputs,
    fields -> 'units' as units, fields -> 'limits' as limits, fields ->> 'status' as status,
    fields -> 'uut' as uut, fields ->> 'operator' as operator, fields -> 'sequence' as sequence,
    l.id as log, r.line
from json_logger.record r
join json_logger.log l on l.id = r.log
cross join lateral (select json_logger.as_jsonb(r.line)) as j (fields)
where r.line is not null;

comment on view json_logger.measurement is
    'The records with their fields. The fields are null where a line has a text that jsonb cannot '
    'hold; the line is always there.';

grant usage on schema json_logger to json_logger_station, json_logger_reader;
grant select on json_logger.log, json_logger.record, json_logger.measurement,
    json_logger.migration to json_logger_reader;
revoke all on all functions in schema json_logger from public;
grant execute on function json_logger.version(), json_logger.logs(),
    json_logger.digest(bigint, bigint, bigint) to json_logger_station, json_logger_reader;
grant execute on function json_logger.as_jsonb(json) to json_logger_reader;
grant execute on function
    json_logger.open_log(uuid, text, text, bigint),
    json_logger.replicate(bigint, bigint, bigint, int, text, text),
    json_logger.park(bigint, bigint, bigint, text, bytea, text),
    json_logger.retry_parked(),
    json_logger.close_log(bigint, bigint)
to json_logger_station;
