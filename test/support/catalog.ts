import type pg from 'pg';

/** Everything in schema public that a migration may make, as text that two states can be compared by. */
export async function catalogOf(pool: pg.Pool): Promise<string[]> {
  const { rows } = await pool.query<{ line: string }>(`
    select format('table %s %s %s %s', c.relname, c.relkind, c.relpersistence, c.reloptions) as line
      from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'S', 'v')
    union all
    select format('column %s.%s %s not null: %s default: %s identity: %s', c.relname, a.attname,
        format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid), a.attidentity)
      from pg_attribute a join pg_class c on c.oid = a.attrelid
      left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
      where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped
    union all
    select format('constraint %s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
      from pg_constraint where connamespace = 'public'::regnamespace
    union all
    select format('index %s', indexdef) from pg_indexes where schemaname = 'public'
    union all
    select format('policy %s %s using %s forced: %s', p.polname, p.polrelid::regclass, pg_get_expr(p.polqual, p.polrelid), c.relforcerowsecurity)
      from pg_policy p join pg_class c on c.oid = p.polrelid
    order by line`);
  return rows.map((row) => row.line);
}
