import pg from 'pg';
import { rows, type SqlSource } from './sql.js';

/**
 * Row-level security does not bind superusers. Where the program logs in as one, confined transactions take this role,
 * which nobody can log in with.
 */
export const confinedRole = 'hookcast_confined';

/**
 * A policy lets a transaction see and write the rows of the namespace it is confined to, and all rows where it is
 * confined to none: such a transaction is the broker's own. `force` binds the owner of the table as well.
 */
export function confineTable(table: string): string {
  const name = pg.escapeIdentifier(table);
  return /* sql */ `
    alter table ${name} enable row level security;
    alter table ${name} force row level security;
    create policy confined_to_namespace on ${name}
      using (coalesce(current_setting('hookcast.namespace', true), '') in ('', namespace));`;
}

export function releaseTable(table: string): string {
  const name = pg.escapeIdentifier(table);
  return /* sql */ `
    drop policy confined_to_namespace on ${name};
    alter table ${name} no force row level security;
    alter table ${name} disable row level security;`;
}

/** The tables that hold something of one namespace only: those with a column of that name. */
export async function tablesOfNamespaces(source: SqlSource): Promise<string[]> {
  const found = await rows<{ name: string }>(
    source,
    /* sql */ `
    select c.relname as name
    from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'namespace' and not a.attisdropped
    where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
    order by c.relname`,
  );
  return found.map(({ name }) => name);
}

/**
 * Confines the transaction it stands in, until its end: nothing is left for whoever gets the connection next, be it
 * through a pooler. One text without parameters, so that it can follow a `begin` in the same round trip.
 */
export function confineTransaction(namespace: string): string {
  return /* sql */ `
    select set_config('hookcast.namespace', ${pg.escapeLiteral(namespace)}, true),
      set_config('role', case
        when (select rolsuper or rolbypassrls from pg_roles where rolname = current_user) then '${confinedRole}'
        else current_setting('role')
      end, true)`;
}

/** Makes `confinedRole` fit for this database, where row-level security would not bind the program's own account. */
export async function prepareConfinedRole(source: SqlSource): Promise<void> {
  const [account] = await rows<{ name: string; isSuper: boolean; isUnbound: boolean }>(
    source,
    /* sql */ `
    select rolname as name, rolsuper as "isSuper", rolsuper or rolbypassrls as "isUnbound"
    from pg_roles where rolname = current_user`,
  );
  if (!account?.isUnbound) return;
  await rows(source, createRole);
  if (!account.isSuper) await rows(source, /* sql */ `grant ${confinedRole} to ${pg.escapeIdentifier(account.name)}`);
  await rows(source, grantTables);
}

/** Roles belong to the whole server: another database's start may make it at the same moment. */
const createRole = /* sql */ `
  do $$
  begin
    if not exists (select from pg_roles where rolname = '${confinedRole}') then
      create role ${confinedRole} nologin;
    end if;
  exception when duplicate_object or unique_violation then null;
  end
  $$`;

/** Only what is missing, so that a start as a rule changes no table. */
const grantTables = /* sql */ `
  do $$
  declare missing record;
  begin
    if not has_schema_privilege('${confinedRole}', current_schema(), 'usage') then
      execute format('grant usage on schema %I to ${confinedRole}', current_schema());
    end if;
    for missing in
      select c.oid::regclass as name from pg_class c
      where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
        and exists (
          select from unnest(array['select', 'insert', 'update', 'delete']) as privilege
          where not has_table_privilege('${confinedRole}', c.oid, privilege))
    loop
      execute format('grant select, insert, update, delete on %s to ${confinedRole}', missing.name);
    end loop;
  end
  $$`;
