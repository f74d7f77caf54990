// Two inner modules of pg that a submittable needs, as pg 8.23 has them.
declare module 'pg/lib/result' {
  export default class Result {
    constructor(rowMode: undefined, types: unknown)
    addFields(fields: unknown[]): void
    parseRow(fields: unknown[]): unknown
    addRow(row: unknown): void
    addCommandComplete(message: { text: string }): void
  }
}

declare module 'pg/lib/utils' {
  export function prepareValue(value: unknown): unknown
}
