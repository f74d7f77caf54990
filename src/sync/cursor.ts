/** How far a device has come. */
export interface DeviceCursor {
  /** The server whose transactions are meant. */
  cluster: string
  /** What the device knew when it began to ask: it has all of that up to `since`. */
  known: string[]
  since: string
  /** Under way: what it is being told of, up to which transaction that will be all, and the last that it was told. */
  under_way?: { ids: string[]; next: string; after: [transaction: string, kind: string, id: string] }
}

/** Identifiers as short as they can be spelled: a device with ten groups sends them with every request. */
const packed = (ids: string[]) =>
  Buffer.from(ids.map(id => id.replaceAll('-', '')).join(''), 'hex').toString('base64url')
const unpacked = (text: string) =>
  (Buffer.from(text, 'base64url').toString('hex').match(/.{32}/g) ?? []).map(hex =>
    hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
  )

export const textOf = ({ cluster, known, since, under_way }: DeviceCursor): string =>
  JSON.stringify([
    cluster,
    packed(known),
    since,
    ...(under_way === undefined ? [] : [packed(under_way.ids), under_way.next, ...under_way.after])
  ])

export function cursorOf(text: string): DeviceCursor {
  const [cluster, known, since, ids, next, transaction, kind, id] = JSON.parse(text) as string[]
  return {
    cluster: cluster!,
    known: unpacked(known!),
    since: since!,
    ...(ids !== undefined && { under_way: { ids: unpacked(ids), next: next!, after: [transaction!, kind!, id!] } })
  }
}
