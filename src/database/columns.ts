import { type SQL, sql } from 'drizzle-orm'
import { customType, integer, type PgColumn, uuid } from 'drizzle-orm/pg-core'

/** `2026-11-23 06:47:00.5+00`, as PostgreSQL writes it in UTC, to RFC 3339: `2026-11-23T06:47:00.500Z`. */
export function instantFromText(text: string): string {
  const seconds = text.slice(0, -3)
  const fraction = seconds.length === 19 ? '.000' : seconds.slice(19).padEnd(4, '0')
  return `${seconds.slice(0, 10)}T${seconds.slice(11, 19)}${fraction}Z`
}

/** An instant as RFC 3339 text, to the millisecond: no Date object is made on the way. */
export const instant = customType<{ data: string; driverData: string }>({
  dataType: () => 'timestamp(3) with time zone',
  fromDriver: instantFromText
})

/**
 * The transaction that last wrote the row, set by a trigger: what a device has not seen yet is found by it (`sync`). Unlike an
 * instant or a number from a sequence, it can be compared with the transactions that were still under way when one looked.
 */
export const changedBy = () =>
  customType<{ data: string; driverData: string }>({ dataType: () => 'xid8' })('changed_by')
    .notNull()
    .default(sql`pg_current_xact_id()`)

export const bytes = customType<{ data: Buffer; driverData: Buffer }>({ dataType: () => 'bytea' })

/** What every table of a tenant begins with. The primary key is (organization_id, id), so that a key carries its organization. */
export const tenant = () => ({ organization_id: uuid().notNull(), id: uuid().notNull() })

/** The version is the ETag: it rises with every change of the row. */
export const versioned = () => ({
  version: integer().notNull().default(1),
  created_at: instant().notNull().default(sql`now()`),
  updated_at: instant().notNull().default(sql`now()`)
})

/** What a change of a versioned row always sets. */
export const nextVersion = (table: { version: PgColumn }) => ({
  version: sql<number>`${table.version} + 1`,
  updated_at: sql<string>`now()`
})

/** A CHECK from the same vocabulary that the schema and the type use. */
export const oneOf = (column: PgColumn, values: readonly string[]): SQL =>
  sql`${column} in (${sql.raw(values.map(value => `'${value}'`).join(', '))})`

/** An instant inside a JSON text, in UTC: the connection's time zone. */
export const instantText = (column: SQL): SQL => sql`to_char(${column}, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`
