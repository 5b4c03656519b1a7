-- The roles of a store. A role belongs to all databases of a server, so it may exist already.

do $$
declare
    wanted text;
begin
    foreach wanted in array array['json_logger_owner', 'json_logger_station', 'json_logger_reader']
    loop
        if not exists (select from pg_roles where rolname = wanted) then
            begin
                execute format('create role %I nologin', wanted);
            exception when duplicate_object or unique_violation then
                null;  -- the init of another database was faster
            end;
        end if;
    end loop;
    if (select rolsuper from pg_roles where rolname = 'json_logger_owner') then
        raise exception 'The role json_logger_owner is a superuser. Take this right from it: '
            'alter role json_logger_owner nosuperuser.';
    end if;
    if not (select rolsuper from pg_roles where rolname = current_user) then
        execute format('grant json_logger_owner to %I', current_user);
    end if;
end
$$;

create schema if not exists json_logger authorization json_logger_owner;
