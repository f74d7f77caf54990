// An inner module of pg that a submittable needs, as pg 8.23 has it.
declare module 'pg/lib/utils' {
  export function prepareValue(value: unknown): unknown
}
