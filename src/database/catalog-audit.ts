import type { Database } from './database.ts'

/** Something in the database that takes a piece out of a wall between organizations. */
export interface Finding {
  /** Which rule it breaks, e.g. `rls_off`. */
  rule: string
  /** The table, index, role … that breaks it. */
  object: string
}

/**
 * Reads the system catalogs, as the service sees them (circlekeeper_app), and answers one row for each thing that
 * weakens a wall between organizations; none is what it should be. PostgreSQL 15 to 18.
 *
 * What may differ stands in the lists at the top and nowhere else: whoever adds a table that belongs to nobody, a unique
 * index across organizations or a function that looks past the policies adds it here, and says why in the review.
 */
export const catalogAudit = `
with
  -- Tables that belong to no organization: the organizations themselves (their policy compares id), the fingerprints of
  -- the master keys, and which migrations there were.
  shared_table (name) as (values ('organizations'), ('encryption_keys'), ('schema_migrations')),

  -- Unique across organizations, because a key or a link is looked up before anybody knows whose it is. It is a hash of 256
  -- random bits: that one is taken tells nothing.
  global_index (name) as (values ('api_keys_secret'), ('strategy_share_links_secret')),

  -- Added to and read, never changed by the service.
  append_only (name) as (values ('attendance_versions'), ('audit_entries'), ('outbox_events'), ('encryption_keys'),
    ('strategy_versions'), ('strategy_decisions'), ('strategy_words')),

  -- The functions that look across organizations; and those of the search, which look past the policy within one.
  reviewed_function (signature) as (values ('find_api_key(bytea)'), ('list_organizations()'),
    ('series_to_extend(date, integer)'), ('purge_expired(integer, integer, integer)'), ('find_share_link(bytea)'),
    ('search_strategies(text, text[], tsquery, text, integer, uuid, uuid, boolean, uuid[], integer, uuid, integer)'),
    ('corrected_words(text, text[], uuid, uuid, boolean, uuid[])'), ('groups_with_seats(integer)')),

  -- What their owner may read, and purge.
  reviewed_policy (name, table_name, command) as (
    select 'reviewed_functions', unnest(array['organizations', 'staff', 'api_keys', 'series', 'audit_entries', 'outbox_events',
      'idempotency_keys', 'strategies', 'strategy_words', 'strategy_share_links', 'groups', 'memberships']), 'r'
    union all select 'reviewed_purge', unnest(array['audit_entries', 'outbox_events', 'idempotency_keys']), 'd'),

  our_role as (
    select r.oid, r.rolname::text as name, r.rolsuper, r.rolbypassrls, r.rolcreaterole, r.rolcreatedb, r.rolcanlogin, r.rolreplication
    from pg_catalog.pg_roles r where r.rolname in ('circlekeeper_app', 'circlekeeper_functions')),

  -- Everything of ours: not PostgreSQL's own, not temporary, not an extension's.
  schema as (
    select n.oid, n.nspname, n.nspowner, n.nspacl from pg_catalog.pg_namespace n
    where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'),
  relation as (
    select c.oid, case n.nspname when 'public' then '' else n.nspname || '.' end || c.relname as name, c.relkind, c.relowner, c.relacl,
      c.reloptions, c.relrowsecurity, c.relforcerowsecurity
    from pg_catalog.pg_class c join schema n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'f', 'v', 'm', 'S') and not exists (
      select from pg_catalog.pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')),

  -- Tables, and the column that says whose a row is: null for a table that belongs to nobody.
  any_table as (
    select r.*, a.attname::text as tenant_column, a.attnum as tenant_number, a.attnotnull and a.atttypid = 'uuid'::regtype as always_somebodys
    from relation r left join pg_catalog.pg_attribute a on a.attrelid = r.oid and not a.attisdropped
      and a.attname = case r.name when 'organizations' then 'id' else 'organization_id' end
    where r.relkind in ('r', 'p', 'f')),
  tenant_table as (select * from any_table where tenant_column is not null),

  policy as (
    select t.name as table_name, t.tenant_column, p.polname::text as name, p.polcmd as command, p.polpermissive as permissive,
      p.polroles as roles,
      -- With another search_path, PostgreSQL would write the schema in front.
      replace(pg_get_expr(p.polqual, p.polrelid), 'public.', '') as sees,
      replace(pg_get_expr(p.polwithcheck, p.polrelid), 'public.', '') as may_write
    from any_table t join pg_catalog.pg_policy p on p.polrelid = t.oid),
  -- The one form: (select …), so that it is asked once per statement, the same for what is seen and what is written.
  wall as (
    select p.*, p.command = '*' and p.permissive and p.roles = array(select r.oid from our_role r where r.name = 'circlekeeper_app')
      and p.sees = '(' || p.tenant_column || ' = ( SELECT current_organization() AS current_organization))' and p.may_write = p.sees
      as stands
    from policy p where p.name = 'tenant'),

  tenant_index as (
    select i.*, t.name as table_name, t.tenant_number, c.relname::text as name,
      (i.indkey::int2[])[0:i.indnkeyatts - 1] as columns -- a slice counts from 1
    from tenant_table t join pg_catalog.pg_index i on i.indrelid = t.oid join pg_catalog.pg_class c on c.oid = i.indexrelid),

  function as (
    select f.oid, case n.nspname when 'public' then '' else n.nspname || '.' end || f.proname || '(' || oidvectortypes(f.proargtypes) || ')'
        as signature,
      f.proowner, f.prosecdef, f.proconfig, f.proacl, f.prosrc
    from pg_catalog.pg_proc f join schema n on n.oid = f.pronamespace
    where not exists (
      select from pg_catalog.pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = f.oid and d.deptype = 'e')),

  -- What was granted on tables, views, sequences and single columns, to our roles or to everybody (role 0). What an owner may
  -- do goes without saying, and our roles own no table.
  privilege as (
    select r.name as relation_name, coalesce(o.name, 'public') as role_name, g.privilege_type::text as privilege
    from (
      select name, relowner, relacl as acl from relation
      union all
      select r.name, r.relowner, a.attacl from relation r join pg_catalog.pg_attribute a on a.attrelid = r.oid) r
    cross join lateral aclexplode(r.acl) g
    left join our_role o on o.oid = g.grantee
    where g.grantee <> r.relowner and (o.oid is not null or g.grantee = 0))

-- Whoever asks is the role that owns nothing; a superuser would pass through every wall.
select 'session_role' as rule, current_user::text as object
where current_user <> 'circlekeeper_app'
union all
-- Nothing speaks for an organization by itself (ALTER ROLE … SET app.organization_id).
select 'context_preset', current_setting('app.organization_id', true)
where current_setting('app.organization_id', true) <> ''
union all
select 'role_missing', name
from (values ('circlekeeper_app'), ('circlekeeper_functions')) expected (name)
where not exists (select from our_role r where r.name = expected.name)
union all
select 'role_too_strong', name || ': ' || concat_ws(', ', case when rolsuper then 'superuser' end, case when rolbypassrls then 'bypassrls' end,
  case when rolcreaterole then 'createrole' end, case when rolcreatedb then 'createdb' end, case when rolcanlogin then 'login' end,
  case when rolreplication then 'replication' end)
from our_role
where rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolcanlogin or rolreplication
union all
-- What a role is a member of, it can do as well.
select 'role_is_member', r.name || ' of ' || g.rolname
from our_role r join pg_catalog.pg_auth_members m on m.member = r.oid join pg_catalog.pg_roles g on g.oid = m.roleid
union all
-- An owner may drop its policies. circlekeeper_functions owns SECURITY DEFINER functions (judged below) and nothing else.
select 'role_owns', r.name || ': ' || pg_describe_object(d.classid, d.objid, d.objsubid)
from our_role r join pg_catalog.pg_shdepend d on d.refclassid = 'pg_authid'::regclass and d.refobjid = r.oid and d.deptype = 'o'
  and d.dbid in (0, (select oid from pg_catalog.pg_database where datname = current_database()))
where r.name = 'circlekeeper_app' or d.classid <> 'pg_proc'::regclass
  or not exists (select from function f where f.oid = d.objid and f.prosecdef)

union all
select 'table_without_organization', name
from any_table
where tenant_column is null and name not in (select name from shared_table)
union all
select 'organization_optional', name
from tenant_table
where not always_somebodys
union all
select 'rls_off', name
from tenant_table
where not relrowsecurity
union all
-- Without FORCE, the owner's functions and views see every row.
select 'rls_not_forced', name
from tenant_table
where not relforcerowsecurity
union all
select 'policy_missing', name
from tenant_table t
where not exists (select from policy p where p.table_name = t.name and p.name = 'tenant')
union all
select 'policy_changed', table_name || '.' || name
from wall
where stands is not true
union all
-- Permissive policies add up: one more opens what the others close.
select 'policy_not_reviewed', p.table_name || '.' || p.name
from policy p
where p.name <> 'tenant' and not exists (
  select from reviewed_policy v
  where v.name = p.name and v.table_name = p.table_name and v.command = p.command::text and p.sees = 'true' and p.may_write is null
    and p.roles = array(select r.oid from our_role r where r.name = 'circlekeeper_functions'))
union all
select 'context_function_changed', 'current_organization()'
where not exists (
  select from function
  where signature = 'current_organization()' and not prosecdef and proconfig is null
    and btrim(prosrc) = 'select nullif(current_setting(''app.organization_id'', true), '''')::uuid')

union all
-- A view reads with the rights of its owner unless told otherwise.
select 'view_without_security_invoker', name
from relation
where relkind = 'v' and not coalesce(reloptions, '{}') && array['security_invoker=true', 'security_invoker=on', 'security_invoker=yes',
  'security_invoker=1']
union all
-- Policies do not hold for a materialized view.
select 'materialized_view', name
from relation
where relkind = 'm'

union all
select 'definer_not_reviewed', signature
from function
where prosecdef and signature not in (select signature from reviewed_function)
union all
select 'definer_with_other_owner', signature
from function
where prosecdef and signature in (select signature from reviewed_function)
  and proowner not in (select oid from our_role where name = 'circlekeeper_functions')
union all
-- Without a search_path of its own, whoever calls it decides which tables it reads.
select 'definer_without_search_path', signature
from function
where prosecdef and not coalesce(proconfig, '{}') @> array['search_path=pg_catalog, public']
union all
select 'definer_executable_by_others', f.signature || ' by ' || coalesce(r.rolname, 'public')
from function f
  cross join lateral aclexplode(coalesce(f.proacl, acldefault('f', f.proowner))) g
  left join pg_catalog.pg_roles r on r.oid = g.grantee
where f.prosecdef and g.privilege_type = 'EXECUTE' and g.grantee not in (select oid from our_role)

union all
-- Foreign keys look past policies: without the organization in it, one leads into another organization and tells what is there.
select 'foreign_key_without_organization', t.conrelid::regclass || '.' || t.conname
from pg_catalog.pg_constraint t join tenant_table target on target.oid = t.confrelid
where t.contype = 'f' and not exists (
  select from unnest(t.conkey, t.confkey) as pair (own, their)
    join pg_catalog.pg_attribute a on a.attrelid = t.conrelid and a.attnum = pair.own
  where a.attname = 'organization_id' and pair.their = target.tenant_number)
union all
-- Not validated, declared NOT ENFORCED (from 18 on), or with its triggers switched off.
select 'foreign_key_not_enforced', t.conrelid::regclass || '.' || t.conname
from pg_catalog.pg_constraint t join tenant_table target on target.oid = t.confrelid
where t.contype = 'f' and (not t.convalidated or to_jsonb(t) ->> 'conenforced' = 'false'
  or exists (select from pg_catalog.pg_trigger g where g.tgconstraint = t.oid and g.tgenabled not in ('O', 'A')))
union all
-- A refusal by such an index tells that another organization has the same.
select 'unique_without_organization', table_name || '.' || name
from tenant_index
where (indisunique or indisexclusion) and not tenant_number = any (columns) and name not in (select name from global_index)
union all
-- Under a policy, another order is read by scanning everybody's rows.
select 'index_not_leading_with_organization', table_name || '.' || name
from tenant_index
where columns[1] <> tenant_number and name not in (select name from global_index)
  and not ((indisunique or indisexclusion) and not tenant_number = any (columns))
union all
-- Their operators are not leakproof: under a policy, such an index is never used for them.
select 'column_not_leakproof_in_index', i.table_name || '.' || i.name || ' (' || a.attname || ')'
from tenant_index i join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = any (i.columns)
  join pg_catalog.pg_type y on y.oid = a.atttypid
  left join pg_catalog.pg_type b on b.oid = y.typbasetype
where coalesce(b.typtype, y.typtype) in ('e', 'r', 'm') or coalesce(b.typcategory, y.typcategory) = 'A'
  or coalesce(b.typname, y.typname) in ('numeric', 'citext', 'json', 'jsonb')

union all
-- TRUNCATE looks past policies, TRIGGER runs somebody else's code, REFERENCES asks what is there.
select distinct 'privilege_too_wide', privilege || ' on ' || relation_name || ' to ' || role_name
from privilege
where role_name = 'public' or privilege not in ('SELECT', 'INSERT', 'UPDATE', 'DELETE')
union all
select distinct 'append_only_can_change', privilege || ' on ' || relation_name || ' to ' || role_name
from privilege join append_only on append_only.name = relation_name
where role_name = 'circlekeeper_app' and privilege in ('UPDATE', 'DELETE')
union all
-- Whoever can create in a schema of the search path can put something else in the place of what we call.
select 'schema_open_for_creation', n.nspname || ' to ' || coalesce(r.name, 'public')
from schema n
  cross join lateral aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) g
  left join our_role r on r.oid = g.grantee
where g.privilege_type = 'CREATE' and (r.oid is not null or g.grantee = 0)
union all
select 'database_open_for_creation', current_database()::text
where has_database_privilege('circlekeeper_app', current_database(), 'CREATE')
order by 1, 2`

/** What weakens a wall between organizations; nothing where all stand. */
export const auditCatalog = (db: Pick<Database, 'reviewed'>): Promise<Finding[]> =>
  db.reviewed<Finding>('audit_catalog', catalogAudit, [])

/**
 * For the start: a service whose walls do not stand does not serve.
 *
 * @throws Error that names every finding
 */
export async function assertCatalog(db: Pick<Database, 'reviewed'>): Promise<void> {
  const findings = await auditCatalog(db)
  if (findings.length === 0) return
  const list = findings.map(({ rule, object }) => `${rule}: ${object}`).join('; ')
  throw new Error(`Organizations are not walled off from one another in this database. ${list}`)
}
